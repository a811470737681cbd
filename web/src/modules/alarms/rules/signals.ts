import type { Field } from '../linkage/fields'

/** A field of a signal: as in other forms, or the baseline of a statistical one. */
export type SignalField = Field | { key: 'baseline'; kind: 'baseline'; initial: unknown }
const AGE: Field = { key: 'max_age_s', kind: 'number', initial: null, min: 0 }
const number = (key: string, initial: number | null, more: Partial<Field> = {}): Field => ({ key, kind: 'number', initial, required: initial !== null, ...more })
const BASELINE: SignalField = { key: 'baseline', kind: 'baseline', initial: { how: 'learned', readings: 100, least_sigma: 0.1 } }

/** What a rule can compute before it compares, and what each must be told: the form is drawn from this table. */
export const SIGNALS: Record<string, readonly SignalField[]> = {
  rate: [number('window_s', 300, { min: 0 }), number('per_s', 60, { min: 0 }), { key: 'absolute', kind: 'flag', initial: false }],
  deviation: [
    { key: 'other', kind: 'text', initial: '', required: true }, { key: 'relative', kind: 'flag', initial: false },
    { key: 'absolute', kind: 'flag', initial: true }, AGE,
  ],
  flat: [number('tolerance', 0, { min: 0 }), number('after_s', 1800, { min: 0 })],
  range: [number('low', null), number('high', null)],
  state: [{ key: 'values', kind: 'numbers', initial: [1], required: true }],
  change: [{ key: 'before', kind: 'numbers', initial: [] }, { key: 'after', kind: 'numbers', initial: [] }, number('hold_s', 60, { min: 0 })],
  expression: [{ key: 'text', kind: 'long', initial: '', required: true }, AGE],
  vote: [
    number('least', 2, { min: 1, max: 15 }), { key: 'voters', kind: 'lines', initial: ['', '', ''], required: true },
    { key: 'bad', kind: 'choice', choices: ['unknown', 'trips', 'drops', 'degrades'], initial: 'unknown' }, AGE,
  ],
  count: [
    { key: 'when', kind: 'text', initial: '', required: true }, number('least', 3, { min: 1, max: 500 }), number('window_s', 600, { min: 0 }),
    { key: 'every_reading', kind: 'flag', initial: false }, AGE,
  ],
  ewma: [number('weight', 0.2, { min: 0, max: 1 }), BASELINE],
  cusum: [number('slack', 0.5, { min: 0, max: 10 }), { key: 'direction', kind: 'choice', choices: ['up', 'down', 'both'], initial: 'both' }, BASELINE],
  average: [{ key: 'period', kind: 'choice', choices: ['10min', '30min', '1h', '8h', '24h'], initial: '1h' }, number('settle_s', 60, { min: 0 })],
  suspect: [
    { key: 'bad', kind: 'flag', initial: true },
    { key: 'findings', kind: 'several', choices: ['flat_line', 'spike', 'out_of_range', 'repeated_block', 'clock_drift'], initial: [] },
    number('hold_s', 3600, { min: 0 }),
  ],
}

const TRUTH = new Set(['flat', 'range', 'state', 'change', 'vote', 'count', 'suspect'])
/** Which steps a signal takes: limits for a number, `on` for true or false; an expression is either. */
export function stepsOf(kind: string | null): { limits: boolean; on: boolean; low: boolean } {
  if (kind === 'expression') return { limits: true, on: true, low: true }
  const truth = kind !== null && TRUTH.has(kind)
  return { limits: !truth, on: truth, low: kind !== 'cusum' }
}

export const BASELINES: Record<string, readonly Field[]> = {
  given: [number('mean', 0), number('sigma', 1, { min: 0 })],
  learned: [number('readings', 100, { min: 10 }), number('least_sigma', 0.1, { min: 0 })],
}
