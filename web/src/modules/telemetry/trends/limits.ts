import type { RuleOut } from '../types'

export interface Limit {
  step: 'HH' | 'H' | 'L' | 'LL'
  value: number
}
const STEPS = ['hh', 'h', 'l', 'll'] as const

/** The limits of a rule, highest first. */
export function limitsOf(rule: RuleOut | null): Limit[] {
  if (!rule) return []
  return STEPS.flatMap((key) => {
    const step = rule.definition[key]
    return step ? [{ step: key.toUpperCase() as Limit['step'], value: step.limit }] : []
  })
}

/**
 * Range of an axis: the data with room around it, and every limit that lies within one data span of it.
 * A limit farther away would press the curve flat; it stays in the list of pens.
 */
export function axisRange(low: number | null, high: number | null, limits: readonly number[]): [number, number] {
  if (low === null || high === null) return limits.length ? spread(Math.min(...limits), Math.max(...limits)) : [0, 1]
  const reach = Math.max(high - low, Math.abs(high) * 0.05, 1e-9)
  const near = limits.filter((v) => v >= low - reach && v <= high + reach)
  return spread(Math.min(low, ...near), Math.max(high, ...near))
}
function spread(low: number, high: number): [number, number] {
  const room = high - low || Math.abs(high) * 0.1 || 1
  // More below: the strips of data quality lie there.
  return [low - room * 0.14, high + room * 0.08]
}
