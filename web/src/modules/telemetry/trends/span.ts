/** The trends page's state as its address spells it. */
export const MAX_PENS = 12
const HOUR = 3_600_000

/** `points=3,1,3` → `[3, 1]`; what is no id is left out. */
export function pensOf(text: unknown): number[] {
  if (typeof text !== 'string') return []
  const ids = text.split(',').filter((part) => /^[1-9]\d{0,9}$/.test(part)).map(Number)
  return [...new Set(ids)].slice(0, MAX_PENS)
}

/** `day`, `week` or `36h`: how far back the compared period lies, ms; null compares nothing. */
export function shiftOf(text: unknown): number | null {
  if (text === 'day') return 24 * HOUR
  if (text === 'week') return 168 * HOUR
  const hours = typeof text === 'string' ? /^(\d{1,4})h$/.exec(text) : null
  return hours && Number(hours[1]) > 0 ? Number(hours[1]) * HOUR : null
}

/** Moved by a share of its width; never beyond `latest`. */
export function pan(from: number, to: number, share: number, latest: number): { from: number; to: number } {
  const by = Math.min((to - from) * share, latest - to)
  return { from: from + by, to: to + by }
}

/** Scaled around `at`; not narrower than ten seconds, not wider than five years. */
export function zoom(from: number, to: number, factor: number, at: number, latest: number): { from: number; to: number } {
  const width = Math.min(Math.max((to - from) * factor, 10_000), 5 * 366 * 24 * HOUR)
  const share = (at - from) / (to - from)
  const start = at - width * share
  const end = Math.min(start + width, latest)
  return { from: end - width, to: end }
}

/** How often a live picture asks again: once a bucket, but neither each second nor rarer than a minute. */
export const refreshMs = (widthMs: number): number => Math.min(60_000, Math.max(5_000, widthMs))
