/** Announcements per stretch of time; the standards look at ten minutes, an hour and a day. */
export const BINS = { '10min': 600_000, hour: 3_600_000, day: 86_400_000 } as const
export type Bin = keyof typeof BINS

/** Instants (ms) of a table of announcements as the server exports it, by its column `announced_s`. */
export function instants(csv: string): number[] {
  const lines = csv.replace(/^\uFEFF/, '').split(/\r?\n/).filter(Boolean)
  const column = lines[0]?.split(',').indexOf('announced_s') ?? -1
  if (column < 0) return []
  return lines.slice(1).map((line) => Number(line.split(',')[column]) * 1000).filter(Number.isFinite)
}

/** Counts from `start` until `end`; the last stretch may be shorter. */
export function counts(at: readonly number[], start: number, end: number, width: number): number[] {
  const out = new Array<number>(Math.max(1, Math.ceil((end - start) / width))).fill(0)
  for (const t of at) if (t >= start && t < end) out[Math.floor((t - start) / width)]!++
  return out
}

/** At most `most` columns of a picture: of each run of stretches the fullest one, so that no peak is lost. */
export function peaks(values: readonly number[], most: number): number[] {
  const per = Math.max(1, Math.ceil(values.length / most))
  return Array.from({ length: Math.ceil(values.length / per) }, (_, i) => Math.max(...values.slice(i * per, (i + 1) * per)))
}
