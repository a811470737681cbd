/** Common ways to divide a watch. A cycle says for each day which crew works which shift; crews not named rest. */

export interface Pattern {
  kinds: readonly { code: string; en: string; start: string; end: string }[]
  crews: readonly string[]
  /** Days of the cycle, per shift the crew. */
  days: readonly (readonly string[])[]
}
const THREE = [
  { code: 'day', en: 'Day', start: '08:00', end: '16:00' },
  { code: 'evening', en: 'Evening', start: '16:00', end: '00:00' },
  { code: 'night', en: 'Night', start: '00:00', end: '08:00' },
] as const
const TWO = [
  { code: 'day', en: 'Day', start: '08:00', end: '20:00' },
  { code: 'night', en: 'Night', start: '20:00', end: '08:00' },
] as const

export const PATTERNS = {
  // 四班三运转: two days, two evenings, two nights, two days off
  four_crews_three_shifts: {
    kinds: THREE,
    crews: ['A', 'B', 'C', 'D'],
    days: [['A', 'D', 'C'], ['A', 'D', 'C'], ['B', 'A', 'D'], ['B', 'A', 'D'], ['C', 'B', 'A'], ['C', 'B', 'A'], ['D', 'C', 'B'], ['D', 'C', 'B']],
  },
  four_crews_two_shifts: { kinds: TWO, crews: ['A', 'B', 'C', 'D'], days: [['A', 'D'], ['B', 'A'], ['C', 'B'], ['D', 'C']] },
  three_crews_three_shifts: { kinds: THREE, crews: ['A', 'B', 'C'], days: [['A', 'B', 'C'], ['B', 'C', 'A'], ['C', 'A', 'B']] },
  one_crew: { kinds: [{ code: 'day', en: 'Day', start: '08:00', end: '08:00' }], crews: ['A', 'B', 'C'], days: [['A'], ['B'], ['C']] },
} as const satisfies Record<string, Pattern>
export type PatternKey = keyof typeof PATTERNS

export function cycle(pattern: Pattern): Record<string, string>[] {
  return pattern.days.map((crews) => Object.fromEntries(pattern.kinds.map((k, i) => [k.code, crews[i]!])))
}
