import { describe, expect, it } from 'vitest'
import { change, configOf, creation, formOf, headersOf, SECRETS } from '@/modules/notifications/channelForm'
import { browserName, keyBytes } from '@/modules/notifications/push'
import { KINDS, type Channel, type Wishes } from '@/modules/notifications/types'
import { mostUrgent } from '@/modules/notifications/useInbox'
import { bodyOf, formOf as wishesForm, times, toggled } from '@/modules/notifications/wishes'

const channel = (kind: string, config: Record<string, unknown>, secrets: string[] = []): Channel => ({
  id: 1, code: 'c', name: '渠道', name_en: 'Channel', kind, config: { kind, ...config }, secrets, posts: ['WATCH'], language: 'zh-CN', max_priority: 2, rank: 5,
  enabled: true, version: 7, host: null, host_allowed: true, figures: {}, updated_at: '2026-11-27T00:00:00Z',
})

describe('what the bell shows', () => {
  it('takes the most urgent of what is unread, and nothing when all is read', () => {
    expect(mostUrgent({ unread: 3, by_priority: { '4': 2, '2': 1 } })).toBe(2)
    expect(mostUrgent({ unread: 0, by_priority: { '1': 0 } })).toBeNull()
    expect(mostUrgent(null)).toBeNull()
  })
})

describe('how somebody wants to be told', () => {
  const wishes: Wishes = { version: 3, language: null, channels: { '1': ['web_push', 'sms'], '2': [] }, quiet_from: '22:15', quiet_until: '06:00', available: [], reachable: [] }
  it('comes back as it went', () => {
    expect(bodyOf(wishesForm(wishes), 3)).toEqual({ version: 3, language: null, channels: { 1: ['web_push', 'sms'], 2: [], 3: [], 4: [] }, quiet_from: '22:15', quiet_until: '06:00' })
  })
  it('sends no half of the quiet hours', () => {
    const form = { ...wishesForm(wishes), quiet: false }
    expect(bodyOf(form, 0)).toMatchObject({ quiet_from: null, quiet_until: null })
  })
  it('keeps the order of choice and does not change what it was given', () => {
    const order = ['sms'] as const
    expect(toggled(order, 'email')).toEqual(['sms', 'email'])
    expect(toggled(['sms', 'email'], 'sms')).toEqual(['email'])
    expect(order).toEqual(['sms'])
  })
  it('offers a time that is set although it is no half hour', () => {
    expect(times('22:15')).toHaveLength(49)
    expect(times('22:30')).toHaveLength(48)
  })
})

describe('a channel in a form', () => {
  it('never sends an empty secret, nor one of another kind', () => {
    const form = { ...formOf(null), kind: 'email' as const, secrets: { password: '', token: 'left over' } }
    expect(creation(form).secrets).toEqual({})
  })
  it('leaves the place alone when nothing of it changed, so that secrets stay', () => {
    const mail = channel('email', { host: 'mail.zone.test', port: 25, security: 'plain', sender: 'a@zone.test', user: null }, ['password'])
    const same = change(mail, { ...formOf(mail), rank: 1 })
    expect(same).toMatchObject({ version: 7, rank: 1 })
    expect('config' in same || 'secrets' in same).toBe(false)
    expect(change(mail, { ...formOf(mail), host: 'other.zone.test' }).config).toMatchObject({ host: 'other.zone.test', user: null })
  })
  it('keeps every setting of an SMS gateway', () => {
    const config = { method: 'GET', url: 'https://sms.zone.test/?to={phone}', content_type: 'form', body: '', headers: { 'X-Key': 'a: b' }, success: 'OK' }
    expect(configOf(formOf(channel('sms', config)))).toEqual({ kind: 'sms', ...config })
  })
  it('reads headers line by line', () => {
    expect(headersOf('X-A: 1\n\n X-B:2:3 ')).toEqual({ 'X-A': '1', 'X-B': '2:3' })
  })
  it('knows the secrets of every kind', () => {
    for (const kind of KINDS) expect(SECRETS[kind], kind).toBeDefined()
  })
})

describe('browsers', () => {
  it('are named by make and system, the maker that calls itself Chrome too', () => {
    expect(browserName('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36')).toBe('Chrome 156 · Linux')
    expect(browserName('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0')).toBe('Edge 156 · Windows')
    expect(browserName('')).toBe('—')
  })
  it('get the key as bytes', () => {
    expect([...keyBytes('_-8')]).toEqual([255, 239])
  })
})
