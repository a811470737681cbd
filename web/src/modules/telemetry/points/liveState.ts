import type { Reading } from '@/live/table'
import { usable } from '../quality'
import type { PointOut } from '../types'

export type StateWord = PointOut['last']['state']

export interface Shown {
  value: number | null
  observedAt: number | null
  quality: number
  state: StateWord
}

/** The newest of what the list said and what has come since, with its state at `now`. */
export function newest(point: Pick<PointOut, 'last' | 'period_s'>, live: Reading | null, now: number): Shown {
  const fresh = live && live.observedAt >= (point.last.observed_at ?? 0) ? live : null
  const value = fresh ? fresh.value : point.last.value
  const observedAt = fresh ? fresh.observedAt : point.last.observed_at
  const quality = fresh ? fresh.quality : point.last.quality
  let state: StateWord = 'online'
  if (observedAt === null) state = 'unknown'
  else if (now - observedAt > 3000 * point.period_s) state = 'stale'
  else if (!usable(quality)) state = 'suspect'
  return { value, observedAt, quality, state }
}
