import { api } from '@/api/client'
import { named } from '@/i18n'
import type { AlarmOut, GroupOut, ManyOut } from '../types'

/** What people do about alarms, and what each deed must be told. */
export const ASKS = {
  acknowledge: ['comment'],
  verify: ['comment'],
  classify: ['cause', 'comment'],
  respond: ['comment'],
  close: ['cause', 'comment'],
  reset: ['comment'],
  shelve: ['reason', 'minutes'],
  unshelve: ['comment'],
  'out-of-service': ['reason', 'reference', 'hours'],
  'return-to-service': ['comment'],
} as const
export type Action = keyof typeof ASKS
export type Answer = Partial<Record<'comment' | 'cause' | 'reason' | 'reference' | 'minutes' | 'hours', string | number>>
/** What the routes of a whole group can do. */
const OF_GROUPS: readonly Action[] = ['acknowledge', 'verify', 'classify', 'respond', 'close']

export interface Targets {
  alarms: AlarmOut[]
  groups: GroupOut[]
}
export interface Outcome {
  done: number
  refused: { name: string; why: unknown }[]
}

export const nameOf = (a: AlarmOut): string => (a.point ? named(a.point) : `#${a.id}`)
/** A group is called by what began it; what is worst in it stands beside. */
export function groupName(g: GroupOut): string {
  const alone = g.first_out ?? g.worst
  if (g.size === 1 && alone) return nameOf(alone)
  const by = g.kind === 'source' ? g.source : g.kind === 'unit' ? g.unit : g.kind === 'thing' ? g.thing : null
  if (by) return named(by)
  return alone ? nameOf(alone) : `#${g.id}`
}

/** Do it to all of them: many alarms in one request where the server can, each group and each other deed by itself. */
export async function perform(action: Action, targets: Targets, answer: Answer): Promise<Outcome> {
  const out: Outcome = { done: 0, refused: [] }
  const one = async (path: string, name: string): Promise<void> => {
    try {
      await api.post(`${path}/${action}`, answer)
      out.done++
    } catch (why) {
      out.refused.push({ name, why })
    }
  }
  const { alarms } = targets
  if (alarms.length > 1 && (action === 'acknowledge' || action === 'close')) {
    for (let at = 0; at < alarms.length; at += 1000) {
      const part = alarms.slice(at, at + 1000)
      const got = await api.post<ManyOut>(`/alarms/${action}`, { ids: part.map((a) => a.id), ...answer })
      out.done += got.done.length
      for (const r of got.refused) out.refused.push({ name: nameOf(part.find((a) => a.id === r.id)!), why: new Error(r.text) })
    }
  } else for (const a of alarms) await one(`/alarms/${a.id}`, nameOf(a))
  for (const g of targets.groups) {
    const stand = g.worst ?? g.first_out
    if (OF_GROUPS.includes(action)) await one(`/alarms/groups/${g.id}`, groupName(g))
    else if (stand) await one(`/alarms/${stand.id}`, nameOf(stand))
  }
  return out
}
