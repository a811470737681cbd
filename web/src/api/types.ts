/** Shapes of the API the shell uses itself. */

/** `GET /session`: who is signed in and what they may do. */
export interface Me {
  user: {
    id: number
    username: string
    name: string
    name_en: string
    language: 'zh-CN' | 'en' | null
    department_id: number | null
    post_id: number | null
    demo: boolean
    totp: boolean
  }
  kind: string
  roles: string[]
  /** Permission patterns, e.g. `telemetry.*.read`. */
  grants: string[]
  /** Enterprises the account is limited to; null is the whole zone. */
  enterprises: number[] | null
  departments: number[]
  must_change_password: boolean
  csrf: string | null
  expires_at: string | null
  server_ms: number
}

export interface SignIn {
  username: string
  password: string
  /** Second factor or recovery code. */
  code?: string
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
