import type { AlarmRow, Level } from './overview'

/** An occurrence as `GET /alarms` lists it; see `parksight/alarms/schemas.py`. */
export interface AlarmOut {
  id: number
  point: { id: number; code: string; name: string; name_en: string; unit: string; kind: string } | null
  step: 'HH' | 'H' | 'L' | 'LL' | 'STALE'
  priority: Level
  raised_at: number
  value: number | null
  limit: number
  condition: 'active' | 'unknown' | 'cleared'
  cleared_at: number | null
  handling: 'new' | 'acknowledged'
  acknowledged_by: string | null
  acknowledged_at: number | null
  open: boolean
  simulated: boolean
  enterprise: { id: number; code: string; name: string; name_en: string } | null
  thing: { id: number; code: string; name: string; name_en: string } | null
  position: [number, number] | null
}

/** The same alarm as the map and the incident card draw it. */
export function asRow(a: AlarmOut): AlarmRow {
  const silent = a.step === 'STALE'
  return {
    id: a.id,
    level: a.priority,
    state: a.condition,
    acknowledged: a.handling === 'acknowledged',
    acknowledged_by: a.acknowledged_by,
    kind: silent ? 'stale' : a.step.toLowerCase(),
    raised_at: a.raised_at,
    cleared_at: a.cleared_at,
    point_id: a.point?.id ?? null,
    point_name: a.point?.name ?? '',
    point_name_en: a.point?.name_en ?? '',
    thing: a.thing,
    enterprise: a.enterprise,
    value: silent ? null : a.value,
    peak: null,
    limit: silent ? null : a.limit,
    unit: a.point?.unit ?? '',
    lon: a.position?.[0] ?? null,
    lat: a.position?.[1] ?? null,
    simulated: a.simulated,
  }
}
