/** Shapes of the API the shell uses itself. */

export interface Me {
  id: number
  username: string
  name: string
  roles: string[]
  /** Permission patterns, e.g. `telemetry.*.read`. */
  grants: string[]
  /** Enterprises the account is limited to; null is the whole zone. */
  enterprises: number[] | null
  csrf_token?: string | null
  totp_enabled?: boolean
  must_change_password?: boolean
}

export interface SignIn {
  username: string
  password: string
  totp?: string
}

export interface DemoAccount {
  username: string
  password: string
  role: string
}

export interface Meta {
  version: string
  zone: { name: string; name_en: string; timezone: string; centre: [number, number] }
  demo: boolean
  demo_accounts?: DemoAccount[] | null
  server_ms?: number
}
