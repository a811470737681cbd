import type { RouteLocationRaw } from 'vue-router'

/** The page of what a case concerns, where there is one. */
export function subjectRoute(row: { subject_kind: string | null; subject_id: string | null }): RouteLocationRaw | null {
  const { subject_kind: kind, subject_id: id } = row
  if (!kind || !id) return null
  if (kind === 'enterprise' && /^\d+$/.test(id)) return { name: 'enterprise', params: { id } }
  if (kind === 'alarm_group') return { name: 'alarms', query: { group: id } }
  if (kind === 'point') return { name: 'points', query: { q: id } }
  const kinds: Record<string, string> = { equipment: 'equipment', unit: 'units', site: 'sites', camera: 'cameras', place: 'zones' }
  const list = kinds[kind]
  return list ? { name: 'registry', params: { kind: list }, query: { id } } : null
}
