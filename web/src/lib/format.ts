import { language, t } from '@/i18n'

const MINUS = '−'
const caches = new Map<string, Intl.NumberFormat>()

function formatter(digits: number): Intl.NumberFormat {
  const key = `${language()}:${digits}`
  let made = caches.get(key)
  if (!made) {
    made = new Intl.NumberFormat(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits })
    caches.set(key, made)
  }
  return made
}

/** Digits after the point so that about three figures are significant; counts stay whole. */
export function digitsFor(value: number): number {
  const size = Math.abs(value)
  if (size >= 1000 || (Number.isInteger(value) && size >= 100)) return 0
  if (size >= 10) return 1
  return size === 0 ? 0 : size < 0.1 ? 3 : 2
}

/** A number for reading; an unknown one is an em dash, never zero. */
export function number(value: number | null | undefined, digits?: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '—'
  const places = digits ?? digitsFor(value)
  const rounded = formatter(places).format(Math.abs(value))
  return value < 0 && /[1-9]/.test(rounded) ? MINUS + rounded : rounded
}

export function percent(ratio: number | null | undefined, digits = 1, signed = false): string {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return '—'
  const text = number(ratio * 100, digits)
  return (signed && ratio > 0 ? '+' : '') + text + '%'
}

const pad = (n: number): string => String(n).padStart(2, '0')

/** `03:42`, `1:02:03` or `3d 04:05`: how long something has lasted. */
export function elapsed(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  const d = Math.floor(s / 86_400)
  const h = Math.floor((s % 86_400) / 3600)
  const m = Math.floor((s % 3600) / 60)
  if (d) return t('shell.elapsed.days', { d, hm: `${pad(h)}:${pad(m)}` })
  return h ? `${h}:${pad(m)}:${pad(s % 60)}` : `${pad(m)}:${pad(s % 60)}`
}

/** Age in words a person reads at a glance: seconds, minutes, hours, days. */
export function age(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  if (s < 100) return t('shell.age.s', { n: s })
  if (s < 5400) return t('shell.age.min', { n: Math.round(s / 60) })
  if (s < 129_600) return t('shell.age.h', { n: Math.round(s / 3600) })
  return t('shell.age.d', { n: Math.round(s / 86_400) })
}

const zoned = new Map<string, Intl.DateTimeFormat>()
let zone = 'Asia/Shanghai'
/** Civil time is the zone's, wherever the browser stands. */
export function setTimeZone(next: string): void {
  zone = next
  zoned.clear()
}
function parts(ms: number, options: Intl.DateTimeFormatOptions): string {
  const key = language() + JSON.stringify(options)
  let made = zoned.get(key)
  if (!made) {
    made = new Intl.DateTimeFormat(language(), { timeZone: zone, hourCycle: 'h23', ...options })
    zoned.set(key, made)
  }
  return made.format(ms)
}
export const clockTime = (ms: number): string =>
  parts(ms, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
export const hourMinute = (ms: number): string => parts(ms, { hour: '2-digit', minute: '2-digit' })
export const dayName = (ms: number): string => parts(ms, { month: 'short', day: 'numeric', weekday: 'short' })
export const dayMonth = (ms: number): string => parts(ms, { month: 'numeric', day: 'numeric' })
export const dateTime = (ms: number): string =>
  parts(ms, {
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
  })

/** Midnight of the zone's day that `ms` falls in. */
export function midnight(ms: number): number {
  const text = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
  }).format(ms)
  const [h = 0, m = 0, s = 0] = text.split(':').map(Number)
  return Math.floor(ms / 1000) * 1000 - (h * 3600 + m * 60 + s) * 1000
}

const COMPASS = ['n', 'nne', 'ne', 'ene', 'e', 'ese', 'se', 'sse', 's', 'ssw', 'sw', 'wsw', 'w', 'wnw', 'nw', 'nnw']
/** The 16-point name of a direction in degrees from north. */
export function compass(degrees: number): string {
  return t(`shell.compass.${COMPASS[Math.round((((degrees % 360) + 360) % 360) / 22.5) % 16]}`)
}

const UNIT_WORDS: Record<string, string> = {
  degC: '℃', degF: '℉', deg: '°', 'm/s2': 'm/s²', '1': '', count: '', state: '', '1/s': '/s',
  'uSv/h': 'µSv/h', '%vol': '%VOL',
}
/** A unit as people write it: `ug/m3` → `µg/m³`, `degC` → `℃`. */
export function unit(symbol: string | null | undefined): string {
  if (!symbol) return ''
  const word = UNIT_WORDS[symbol]
  if (word !== undefined) return word
  return symbol.replace(/m3\b/g, 'm³').replace(/m2\b/g, 'm²').replace(/^u(?=[gmSL])/, 'µ')
}
