import { dateTime, number } from '@/lib/format'

/** Evidence as pairs of word and reading; numbers as people read them, lists and nests as they are. */
export function evidenceLines(evidence: Record<string, unknown>): [string, string][] {
  return Object.entries(evidence).map(([key, value]) => {
    if (typeof value === 'number' && key.startsWith('copied_')) return [key, dateTime(value)]
    if (typeof value === 'number') return [key, Number.isInteger(value) ? number(value, 0) : value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(2) : number(value)]
    if (typeof value === 'string' || typeof value === 'boolean') return [key, String(value)]
    return [key, JSON.stringify(value)]
  })
}
