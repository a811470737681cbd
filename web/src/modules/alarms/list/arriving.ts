import type { AlarmOut, GroupOut } from '../types'
import type { Order } from './usePaged'

/**
 * What the live topic says of alarms. With `rows` (and the `groups` they stand in) it needs no question; a big burst
 * and what people do come without.
 */
export interface Told {
  what: string
  total?: number
  rows?: AlarmOut[]
  groups?: GroupOut[]
}

/** The list as it is narrowed now; empty means any. The server's own filter, `alarms()` in repository.py, has the last word. */
export interface Narrow {
  state: string
  priority: string
  step: string
  q: string
  enterprise_id: string
  point_id: string
  thing_id: string
  unit_id: string
  group: string
  post: string
  suppressed: string
  cause: string
  /** Of a window in the past, ms; null while live. Open ones are listed whatever the window. */
  from: number | null
  to: number | null
}

const STATES: Record<string, (a: AlarmOut) => boolean> = {
  open: (a) => a.open,
  active: (a) => a.condition === 'active',
  unknown: (a) => a.condition === 'unknown',
  unacknowledged: (a) => a.handling === 'new',
  cleared: (a) => a.condition === 'cleared',
  closed: (a) => a.handling === 'closed',
  suppressed: (a) => a.suppressed !== null && a.condition !== 'cleared',
  all: () => true,
}

/** Whether an alarm belongs into the list of single alarms. */
export function fits(a: AlarmOut, n: Narrow): boolean {
  const same = (wanted: string, value: number | string | null | undefined): boolean => !wanted || String(value ?? '') === wanted
  const text = n.q.trim().toLowerCase()
  const said = [a.point?.code, a.point?.name, a.point?.name_en, a.thing?.name, a.enterprise?.name, a.enterprise?.name_en]
  return (
    (STATES[n.state]?.(a) ?? false) &&
    (!n.priority || n.priority.split(',').includes(String(a.priority))) &&
    same(n.step, a.step) && same(n.enterprise_id, a.enterprise?.id) && same(n.point_id, a.point?.id) && same(n.thing_id, a.thing?.id) &&
    same(n.unit_id, a.unit_id) && same(n.group, a.group_id) && same(n.post, a.post) && same(n.suppressed, a.suppressed) && same(n.cause, a.cause) &&
    (!text || said.some((s) => s?.toLowerCase().includes(text))) &&
    (n.from === null || a.open || (a.raised_at >= n.from && a.raised_at < n.to!))
  )
}

/** Whether a group belongs into the list of groups. */
export const fitsGroup = (g: GroupOut, n: Pick<Narrow, 'state' | 'enterprise_id'>): boolean =>
  (n.state === 'all' || g.open === (n.state !== 'closed')) && g.merged_into_id === null && (!n.enterprise_id || String(g.enterprise?.id) === n.enterprise_id)

export const NEWEST_FIRST: Order<AlarmOut> = { key: (a) => a.id, compare: (a, b) => b.raised_at - a.raised_at || b.id - a.id }

/** The critical one on top, then what nobody has seen, then the newest. */
export const WORST_FIRST: Order<GroupOut> = {
  key: (g) => g.id,
  compare: (a, b) => a.priority - b.priority || Number(a.handling !== 'new') - Number(b.handling !== 'new') || b.last_at - a.last_at || b.id - a.id,
}

export interface Lists {
  alarm: (a: AlarmOut) => boolean
  group: (g: GroupOut) => boolean
}

/** Hand over what arrived; false where something of it can only be learned by asking. */
export function take(told: Told, grouping: boolean, put: Lists): boolean {
  const { rows, groups = [] } = told
  if (!rows || rows.length < (told.total ?? 0)) return false
  if (!grouping) return rows.map(put.alarm).every(Boolean)
  const known = new Set(groups.map((g) => g.id))
  return groups.map(put.group).every(Boolean) && rows.every((a) => a.group_id === null || known.has(a.group_id))
}
