/** Rates from counters that only grow: what happened between two looks, per second. */

export interface Look {
  ms: number
  counts: Record<string, number>
}

/** Per second since the older look; null where there is none yet, or where the counter began anew. */
export function ratePerSecond(older: Look | null, newer: Look, key: string): number | null {
  if (!older) return null
  const a = older.counts[key]
  const b = newer.counts[key]
  const seconds = (newer.ms - older.ms) / 1000
  if (a === undefined || b === undefined || seconds <= 0 || b < a) return null
  return (b - a) / seconds
}

/** received = stored + rejected + in flight; what is missing from it, 0 where the books balance. */
export function missing(c: { received: number; stored: number; rejected: Record<string, number>; in_flight: number }): number {
  const rejected = Object.values(c.rejected).reduce((a, b) => a + b, 0)
  return c.received - c.stored - rejected - c.in_flight
}
