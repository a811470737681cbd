import type { Series } from '../types'
import { usable } from '../quality'

/** One pen's course on its own time axis, moved by `shift` ms (a compared period is drawn where the present is). */
export interface Track {
  series: Series
  shift: number
}

/** Longest distance between two buckets that still is one line: three periods, as everywhere, or 1½ buckets. */
export function gapAfter(widthMs: number, periodMs: number): number {
  return Math.max(1.5 * widthMs, 3 * periodMs + widthMs)
}

export interface Aligned {
  /** Middles of buckets of all tracks, ascending, ms. */
  x: number[]
  /** Per track: mean, maximum, minimum. `null` breaks the line, `undefined` is another track's moment. */
  tracks: [mean: Cell[], max: Cell[], min: Cell[]][]
}
export type Cell = number | null | undefined

/** All tracks on one time axis, gaps kept as gaps. */
export function align(tracks: readonly Track[], widthMs: number): Aligned {
  const half = widthMs / 2
  const moments = new Set<number>()
  const breaks: number[][] = tracks.map(({ series, shift }) => {
    const limit = gapAfter(widthMs, series.period_ms)
    const own: number[] = []
    for (let i = 0; i < series.start.length; i++) {
      const at = series.start[i]!
      moments.add(at + shift + half)
      if (i && at - series.start[i - 1]! > limit) own.push(series.start[i - 1]! + shift + half + 1)
    }
    for (const at of own) moments.add(at)
    return own
  })
  const x = [...moments].sort((a, b) => a - b)
  const place = new Map(x.map((at, i) => [at, i]))
  const out = tracks.map(({ series, shift }, t): [Cell[], Cell[], Cell[]] => {
    const columns: [Cell[], Cell[], Cell[]] = [new Array(x.length), new Array(x.length), new Array(x.length)]
    for (const at of breaks[t]!) for (const column of columns) column[place.get(at)!] = null
    for (let i = 0; i < series.start.length; i++) {
      const at = place.get(series.start[i]! + shift + half)!
      columns[0][at] = series.mean[i] ?? null
      columns[1][at] = series.max[i] ?? null
      columns[2][at] = series.min[i] ?? null
    }
    return columns
  })
  return { x, tracks: out }
}

/** Places of values whose neighbours on both sides are gaps; another track's moments count for nothing. */
export function alone(cells: ArrayLike<Cell>): number[] {
  const own: number[] = []
  for (let i = 0; i < cells.length; i++) if (cells[i] !== undefined) own.push(i)
  const gap = (k: number): boolean => k < 0 || k >= own.length || cells[own[k]!] === null
  return own.filter((i, k) => cells[i] !== null && gap(k - 1) && gap(k + 1))
}

/** Index of the bucket a moment falls in or beside; null where the moment lies in a gap. */
export function bucketAt(series: Series, at: number, widthMs: number): number | null {
  const start = series.start
  let low = 0
  let high = start.length - 1
  if (high < 0) return null
  while (low < high) {
    const mid = (low + high + 1) >> 1
    if (start[mid]! <= at) low = mid
    else high = mid - 1
  }
  const reach = Math.max(widthMs, series.period_ms)
  const here = at - start[low]!
  // Sparse buckets: the nearer neighbour within a period answers.
  if (low + 1 < start.length && Math.abs(start[low + 1]! - at) < Math.abs(here) && start[low + 1]! - at <= reach / 2) return low + 1
  return here >= -widthMs && here <= reach + widthMs ? low : null
}

export interface Statistics {
  min: number | null
  max: number | null
  mean: number | null
  /** Usable readings. */
  usable: number
  /** All readings. */
  count: number
  coverage: number | null
}

/** Over the whole span; the mean weighs each bucket by its usable readings. */
export function statistics(series: Series): Statistics {
  let min: number | null = null
  let max: number | null = null
  let sum = 0
  let weight = 0
  let count = 0
  for (let i = 0; i < series.start.length; i++) {
    count += series.count[i]!
    const low = series.min[i] ?? null
    const high = series.max[i] ?? null
    const mean = series.mean[i] ?? null
    if (low !== null && (min === null || low < min)) min = low
    if (high !== null && (max === null || high > max)) max = high
    if (mean !== null) {
      sum += mean * series.usable[i]!
      weight += series.usable[i]!
    }
  }
  return { min, max, mean: weight ? sum / weight : null, usable: weight, count, coverage: series.coverage ?? null }
}

export interface Run {
  from: number
  to: number
  /** Whether every bucket of it can be relied on. */
  good: boolean
}

/** Stretches of reliable and of doubtful data; what is missing belongs to neither. */
export function runs({ series, shift }: Track, widthMs: number): Run[] {
  const limit = gapAfter(widthMs, series.period_ms)
  const out: Run[] = []
  series.start.forEach((at, i) => {
    const good = usable(series.quality[i]!) && series.usable[i] === series.count[i]
    const open = out[out.length - 1]
    const from = at + shift
    if (open && open.good === good && from - (open.to - widthMs) <= limit) open.to = from + widthMs
    else {
      if (open && from - (open.to - widthMs) <= limit) open.to = from
      out.push({ from, to: from + widthMs, good })
    }
  })
  return out
}
