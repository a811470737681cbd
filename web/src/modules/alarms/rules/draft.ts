import type { RuleIn, RuleOut } from '../types'

/** A rule while it is being written: what the server takes, loosely. */
export type Loose = Record<string, unknown> & { kind: string }
export interface Step {
  limit?: number
  deadband?: number
  on_delay_s: number
  off_delay_s: number
  priority: number | null
  consequence: string | null
  respond_within: string | null
}
export interface Draft {
  code: string | null
  name: string
  name_en: string
  target: Loose
  definition: { signal: Loose | null; hh: Step | null; h: Step | null; l: Step | null; ll: Step | null; on: Step | null; stale: { factor: number | null; after_s: number | null; priority: number } | null }
  rationale: Record<string, unknown> & { consequence: string | null; respond_within: string | null; causes: string[]; causes_en: string[] }
  basis: string
  standard: string
  clause: string
  never_delay: string | null
  suppression: string | null
  post: string
  in_service: boolean
  service_reason: string
  latching: boolean
  enabled: boolean
}
const KEYS = [
  'code', 'name', 'name_en', 'target', 'definition', 'rationale', 'basis', 'standard', 'clause', 'never_delay', 'suppression', 'post',
  'in_service', 'service_reason', 'latching', 'enabled',
] as const

export function blank(): Draft {
  return {
    code: null, name: '', name_en: '', target: { kind: 'point', point_id: null },
    definition: { signal: null, hh: null, h: null, l: null, ll: null, on: null, stale: null },
    rationale: {
      consequence: null, respond_within: null, priority_reason: '', consequence_text: '', consequence_text_en: '', causes: [], causes_en: [],
      response: '', response_en: '', decided_by: '', decided_on: null, decided_basis: '',
    },
    basis: '', standard: '', clause: '', never_delay: null, suppression: null, post: '', in_service: true, service_reason: '', latching: false, enabled: true,
  }
}
/** The rule in force as the beginning of its next version. */
export function draftOf(rule: RuleOut): Draft {
  const copy = JSON.parse(JSON.stringify(rule)) as Record<string, unknown>
  const base = blank() as unknown as Record<string, unknown>
  const out = Object.fromEntries(KEYS.map((k) => [k, copy[k] ?? base[k]])) as unknown as Draft
  out.definition = { ...blank().definition, ...out.definition }
  out.rationale = { ...blank().rationale, ...out.rationale }
  // The target names its points by id; the code that may stand beside would name them twice.
  out.target = Object.fromEntries(Object.entries(out.target).filter(([, v]) => v !== null)) as Loose
  return out
}
export function step(limit: boolean): Step {
  return { ...(limit ? { limit: 0, deadband: 0 } : {}), on_delay_s: 0, off_delay_s: 0, priority: null, consequence: null, respond_within: null }
}
/** What is sent: steps and texts as they stand, an empty suppression is none. */
export function sent(draft: Draft): RuleIn {
  const out = JSON.parse(JSON.stringify(draft)) as Draft
  out.suppression = out.suppression?.trim() || null
  out.code = out.code?.trim() || null
  return out as unknown as RuleIn
}

/** Lines of what differs between two records, by their path. */
export function differences(before: unknown, after: unknown, path = ''): { path: string; before: unknown; after: unknown }[] {
  const plain = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)
  if (plain(before) && plain(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    return keys.flatMap((k) => differences(before[k] ?? null, after[k] ?? null, path ? `${path}.${k}` : k))
  }
  return JSON.stringify(before ?? null) === JSON.stringify(after ?? null) ? [] : [{ path, before, after }]
}
