export interface Change {
  key: string
  before: string | null
  after: string | null
}
const SHORT = 120
function text(value: unknown): string | null {
  if (value === null || value === undefined || value === '') return null
  const whole = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return whole.length > SHORT ? `${whole.slice(0, SHORT)}…` : whole
}
const record = (value: unknown): Record<string, unknown> => (value && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {})

/** The fields that differ between two states of a record; of a new record, those that are filled. */
export function changesOf(before: unknown, after: unknown): Change[] {
  const old = record(before)
  const next = record(after)
  return [...new Set([...Object.keys(old), ...Object.keys(next)])].flatMap((key) => {
    if (JSON.stringify(old[key] ?? null) === JSON.stringify(next[key] ?? null)) return []
    const change = { key, before: text(old[key]), after: text(next[key]) }
    return change.before === null && change.after === null ? [] : [change]
  })
}
