/**
 * Newest values of the points this page watches: typed arrays outside Vue's reactivity.
 * `apply` takes the flat quadruples of a `values` frame: point id, value or null, observed ms, quality byte.
 */
export const CODE_MASK = 0x0f
export const FLAG = { resent: 0x10, skew: 0x20, late: 0x40, simulated: 0x80 } as const
/** Codes of `telemetry/quality.py`. */
export const CODES = ['good', 'unknown', 'suspect', 'bad', 'substituted', 'calibration', 'maintenance'] as const
export type QualityCode = (typeof CODES)[number]

export interface Reading {
  value: number | null
  /** ms since the epoch, as the source says it. */
  observedAt: number
  quality: number
}

export const qualityCode = (quality: number): QualityCode => CODES[quality & CODE_MASK] ?? 'unknown'
/** Whether a value may count: good, unknown or substituted, as `quality.usable`. */
export const usable = (quality: number): boolean => {
  const code = quality & CODE_MASK
  return code === 0 || code === 1 || code === 4
}
/** Older than three of its own periods: unknown, whatever the connection says. */
export const isStale = (observedAt: number, periodS: number, now: number): boolean =>
  now - observedAt > Math.max(periodS, 1) * 3000

export class LiveTable {
  private slots = new Map<number, number>()
  private values = new Float64Array(256)
  private times = new Float64Array(256)
  private qualities = new Uint8Array(256)
  private free: number[] = []

  get size(): number {
    return this.slots.size
  }

  private slot(id: number): number {
    const have = this.slots.get(id)
    if (have !== undefined) return have
    const next = this.free.pop() ?? this.slots.size
    if (next >= this.values.length) this.grow()
    this.slots.set(id, next)
    this.times[next] = 0
    return next
  }

  private grow(): void {
    const size = this.values.length * 2
    const values = new Float64Array(size)
    values.set(this.values)
    this.values = values
    const times = new Float64Array(size)
    times.set(this.times)
    this.times = times
    const qualities = new Uint8Array(size)
    qualities.set(this.qualities)
    this.qualities = qualities
  }

  /** Take one frame; returns how many readings it carried. An older reading never replaces a newer one. */
  apply(flat: readonly (number | null)[]): number {
    const n = flat.length - (flat.length % 4)
    for (let i = 0; i < n; i += 4) {
      const slot = this.slot(flat[i] as number)
      const time = flat[i + 2] as number
      if (time < this.times[slot]!) continue
      const value = flat[i + 1]
      this.values[slot] = value === null || value === undefined ? NaN : value
      this.times[slot] = time
      this.qualities[slot] = flat[i + 3] as number
    }
    return n / 4
  }

  get(id: number): Reading | null {
    const slot = this.slots.get(id)
    if (slot === undefined || this.times[slot] === 0) return null
    const value = this.values[slot]!
    return {
      value: Number.isNaN(value) ? null : value,
      observedAt: this.times[slot]!,
      quality: this.qualities[slot]!,
    }
  }

  /** Forget a point nobody watches: its number must not look alive when somebody comes back. */
  drop(id: number): void {
    const slot = this.slots.get(id)
    if (slot === undefined) return
    this.slots.delete(id)
    this.times[slot] = 0
    this.free.push(slot)
  }
}
