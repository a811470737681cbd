import type { RouteLocationRaw } from 'vue-router'

/** The page of a record that a line is about: what the server says, or what we know of its kind. */
export function pageOf(subject: { kind: string; id: string } | null, page: string | null = null): RouteLocationRaw | null {
  if (page) return page
  if (!subject) return null
  const id = subject.id
  if (subject.kind === 'case') return { name: 'case', params: { id } }
  if (subject.kind === 'alarm') return { name: 'alarm', params: { id } }
  if (subject.kind === 'alarm_group') return { name: 'alarms', query: { group: id } }
  if (subject.kind === 'enterprise') return { name: 'enterprise', params: { id } }
  if (subject.kind === 'device') return { name: 'device', params: { id } }
  return null
}
