import type { Channel, ChannelConfig, ChannelIn, ChannelKind, ChannelPatch } from './types'

export type SecretName = 'password' | 'secret' | 'token' | 'sign' | 'url'
/** Secrets a kind of channel takes, those it cannot do without first; the server checks the same. */
export const SECRETS: Record<ChannelKind, { name: SecretName; needed: boolean }[]> = {
  email: [{ name: 'password', needed: false }],
  sms: [{ name: 'secret', needed: false }],
  web_push: [],
  wecom: [{ name: 'token', needed: true }],
  dingtalk: [{ name: 'token', needed: true }, { name: 'sign', needed: false }],
  feishu: [{ name: 'token', needed: true }, { name: 'sign', needed: false }],
  relay: [{ name: 'url', needed: true }],
}

export interface ChannelForm {
  code: string
  name: string
  name_en: string
  kind: ChannelKind
  host: string
  port: number
  security: 'plain' | 'starttls' | 'ssl'
  sender: string
  user: string
  method: 'GET' | 'POST'
  url: string
  content_type: 'json' | 'form' | 'text'
  body: string
  /** One `Name: value` a line. */
  headers: string
  success: string
  subject: string
  server: string
  secrets: Partial<Record<SecretName, string>>
  posts: string[]
  language: 'zh-CN' | 'en'
  max_priority: number
  rank: number
  enabled: boolean
}

const EMPTY: ChannelForm = {
  code: '', name: '', name_en: '', kind: 'email', host: '', port: 587, security: 'starttls', sender: '', user: '', method: 'POST', url: '', content_type: 'json',
  body: '{"phone": "{phone}", "text": "{text}"}', headers: '', success: '', subject: '', server: '', secrets: {}, posts: [], language: 'zh-CN', max_priority: 4,
  rank: 100, enabled: true,
}

/** An empty form, or one that shows a channel; secrets are never there to be shown. */
export function formOf(channel: Channel | null): ChannelForm {
  if (!channel) return { ...EMPTY, secrets: {}, posts: [] }
  const config = channel.config as Record<string, unknown>
  const shown = Object.fromEntries(Object.entries(config).filter(([k, v]) => k in EMPTY && k !== 'headers' && v !== null))
  const headers = Object.entries((config['headers'] ?? {}) as Record<string, string>).map(([k, v]) => `${k}: ${v}`).join('\n')
  const { code, name, name_en, posts, max_priority, rank, enabled } = channel
  return {
    ...EMPTY, body: '', ...(shown as Partial<ChannelForm>), headers, secrets: {}, code, name, name_en, posts: [...posts], max_priority, rank, enabled,
    kind: channel.kind as ChannelKind, language: channel.language as ChannelForm['language'],
  }
}

export function headersOf(text: string): Record<string, string> {
  const pairs = text.split('\n').map((line) => line.trim()).filter(Boolean).map((line) => {
    const colon = line.indexOf(':')
    return colon < 0 ? [line, ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
  })
  return Object.fromEntries(pairs) as Record<string, string>
}

export function configOf(f: ChannelForm): ChannelConfig {
  switch (f.kind) {
    case 'email':
      return { kind: f.kind, host: f.host, port: f.port, security: f.security, sender: f.sender, user: f.user || null }
    case 'sms':
      return { kind: f.kind, method: f.method, url: f.url, content_type: f.content_type, body: f.body, headers: headersOf(f.headers), success: f.success }
    case 'web_push':
      return { kind: f.kind, subject: f.subject }
    case 'relay':
      return { kind: f.kind }
    default:
      return { kind: f.kind, server: f.server || null }
  }
}

const given = (f: ChannelForm): Record<string, string> =>
  Object.fromEntries(SECRETS[f.kind].map((s) => [s.name, f.secrets[s.name] ?? '']).filter(([, v]) => v)) as Record<string, string>

export function creation(f: ChannelForm): ChannelIn {
  const { code, name, name_en, posts, language, max_priority, rank, enabled } = f
  return { code, name, name_en, config: configOf(f), secrets: given(f), posts, language, max_priority, rank, enabled }
}

/** Only what differs: the server asks for every secret anew when the place it goes to is sent again. */
export function change(channel: Channel, f: ChannelForm): ChannelPatch {
  const { name, name_en, posts, language, max_priority, rank, enabled } = f
  const secrets = given(f)
  const patch: ChannelPatch = { version: channel.version, name, name_en, posts, language, max_priority, rank, enabled }
  if (JSON.stringify(configOf(f)) !== JSON.stringify(configOf(formOf(channel)))) patch.config = configOf(f)
  if (Object.keys(secrets).length) patch.secrets = secrets
  return patch
}
