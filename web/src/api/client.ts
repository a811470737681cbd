/** The one way to the server: JSON in and out, problem+json errors, CSRF, 401 told to the session store. */

export interface ProblemBody {
  type?: string
  title?: string
  status?: number
  detail?: string
  code?: string
  action?: string
  where?: string
  instance?: string
  params?: Record<string, unknown>
}

/** An answer that is not 2xx, or no answer at all (`status` 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly body: ProblemBody,
  ) {
    super(body.detail ?? body.title ?? body.code ?? `HTTP ${status}`)
    this.name = 'Problem'
  }
  get code(): string {
    return this.body.code ?? (this.status === 0 ? 'network' : `http.${this.status}`)
  }
}

export type Query = Record<string, string | number | boolean | null | undefined | (string | number)[]>

interface Hooks {
  csrf: () => string | null
  language: () => string
  unauthorized: () => void
}
let hooks: Hooks = { csrf: () => null, language: () => 'zh-CN', unauthorized: () => undefined }
export function connectClient(next: Hooks): void {
  hooks = next
}

export const BASE = '/api/v1'

export function url(path: string, query?: Query): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value === null || value === undefined || value === '') continue
    if (Array.isArray(value)) for (const item of value) search.append(key, String(item))
    else search.set(key, String(value))
  }
  const tail = search.toString()
  return BASE + path + (tail ? `?${tail}` : '')
}

export interface Options {
  query?: Query
  signal?: AbortSignal
  /** A 401 is an answer here (sign-in), not the end of a session. */
  quiet?: boolean
  headers?: Record<string, string>
  /** Body of a DELETE, where one is asked for. */
  body?: unknown
}

async function send(method: string, path: string, body: unknown, options: Options): Promise<Response> {
  const headers: Record<string, string> = {
    Accept: 'application/json',
    'Accept-Language': hooks.language(),
    ...options.headers,
  }
  const init: RequestInit = { method, headers, credentials: 'same-origin' }
  if (options.signal) init.signal = options.signal
  if (method !== 'GET') {
    const token = hooks.csrf()
    if (token) headers['X-CSRF-Token'] = token
  }
  if (body instanceof FormData || body instanceof Blob) init.body = body
  else if (body !== undefined) {
    headers['Content-Type'] = 'application/json'
    init.body = JSON.stringify(body)
  }
  let response: Response
  try {
    response = await fetch(url(path, options.query), init)
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Problem(0, { code: 'network' })
  }
  if (response.ok) return response
  let problem: ProblemBody = {}
  try {
    problem = (await response.json()) as ProblemBody
  } catch {
    problem = {}
  }
  if (response.status === 401 && !options.quiet) hooks.unauthorized()
  throw new Problem(response.status, problem)
}

async function json<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T
  return (await response.json()) as T
}

export const api = {
  get: async <T>(path: string, query?: Query, options: Options = {}): Promise<T> =>
    json<T>(await send('GET', path, undefined, { ...options, query })),
  post: async <T>(path: string, body?: unknown, options: Options = {}): Promise<T> =>
    json<T>(await send('POST', path, body, options)),
  put: async <T>(path: string, body?: unknown, options: Options = {}): Promise<T> =>
    json<T>(await send('PUT', path, body, options)),
  patch: async <T>(path: string, body?: unknown, options: Options = {}): Promise<T> =>
    json<T>(await send('PATCH', path, body, options)),
  delete: async <T>(path: string, options: Options = {}): Promise<T> =>
    json<T>(await send('DELETE', path, options.body, options)),
  /** A file to save: the blob and the name the server gave it. */
  download: async (path: string, query?: Query): Promise<{ blob: Blob; name: string }> => {
    const response = await send('GET', path, undefined, { query, headers: { Accept: '*/*' } })
    const said = /filename\*?=(?:UTF-8'')?"?([^";]+)/i.exec(response.headers.get('content-disposition') ?? '')
    return { blob: await response.blob(), name: said?.[1] ? decodeURIComponent(said[1]) : path.split('/').pop()! }
  },
}

/** Hand a downloaded file to the browser. */
export function save(file: { blob: Blob; name: string }): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file.blob)
  link.download = file.name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

/** One page of a list, as every list of the API answers. */
export interface Page<T> {
  items: T[]
  total: number
  limit: number
  offset: number
}
