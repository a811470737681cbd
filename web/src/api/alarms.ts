import type { AlarmRow } from './overview'
import type { components } from './schema'

/** An occurrence as `GET /alarms` lists it. */
export type AlarmOut = components['schemas']['AlarmOut']

/** The same alarm as the map and the incident card draw it. */
export function asRow(a: AlarmOut): AlarmRow {
  const silent = a.step === 'STALE'
  return {
    id: a.id,
    level: a.priority as AlarmRow['level'],
    state: a.condition,
    acknowledged: a.handling !== 'new',
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
