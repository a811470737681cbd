import type { Feature, Geometry } from 'geojson'
import type { RouteLocationRaw } from 'vue-router'
import { knows, t } from '@/i18n'
import { box, corners } from '@/map/geo'
import { router } from '@/router'
import { useSession } from '@/stores/session'

/** A record of any kind as its list gives it; only the fields the tables read are named. */
export interface AnyRecord {
  id: number
  active: boolean
  version: number
  created_at: string
  updated_at: string
  code: string
  name: string
  name_en: string
  properties: Record<string, unknown>
  kind?: string
  enterprise_id?: number | null
  parent_id?: number | null
  site_id?: number | null
  unit_id?: number | null
  zone_id?: number | null
  height_m?: number | null
  azimuth_deg?: number | null
  address?: string | null
  phone?: string | null
  geometry?: Geometry | null
}

export interface KindView {
  /** Plural: path of the API and of the page. */
  name: string
  noun: string
  /** Locale prefix of the words of its `kind` column, and those words. */
  words?: string
  kinds?: readonly string[]
  columns: readonly ('kind' | 'enterprise' | 'area' | 'height_m' | 'azimuth_deg' | 'address' | 'phone' | 'duty' | 'updated')[]
}

export const EQUIPMENT = [
  'tank', 'stack', 'outfall', 'meter', 'gas_detector', 'fire_detector', 'weather_station', 'air_station', 'noise_station',
  'boiler', 'furnace', 'reactor', 'column', 'compressor', 'pump', 'valve', 'pipeline', 'treatment', 'transformer', 'generator',
  'pv_array', 'storage', 'line', 'robot', 'lamp', 'hydrant', 'camera', 'vehicle', 'sensor', 'other',
] as const
export const INDUSTRIES = ['food_processing', 'environmental_equipment', 'new_energy', 'metals_recycling', 'fertiliser'] as const
export const STATUSES = ['planned', 'construction', 'trial', 'producing', 'suspended', 'closed'] as const

/** The registries, in the order of their tabs. */
export const KINDS: readonly KindView[] = [
  { name: 'zones', noun: 'place', words: 'place_kind', kinds: ['zone', 'district', 'park', 'boundary'], columns: ['kind', 'area', 'updated'] },
  { name: 'parcels', noun: 'place', columns: ['enterprise', 'area', 'updated'] },
  { name: 'buildings', noun: 'place', columns: ['enterprise', 'updated'] },
  { name: 'roads', noun: 'place', columns: ['updated'] },
  { name: 'sites', noun: 'site', columns: ['enterprise', 'address', 'updated'] },
  { name: 'units', noun: 'unit', columns: ['enterprise', 'updated'] },
  { name: 'equipment', noun: 'equipment', words: 'equipment_kind', kinds: EQUIPMENT, columns: ['kind', 'enterprise', 'height_m', 'updated'] },
  { name: 'cameras', noun: 'camera', words: 'camera_kind', kinds: ['lookout', 'low'], columns: ['kind', 'enterprise', 'height_m', 'azimuth_deg', 'updated'] },
  { name: 'people', noun: 'person', columns: ['enterprise', 'duty', 'phone', 'updated'] },
]
/** Kinds that files may be of: the registries and the enterprises themselves. */
export const FILE_KINDS: readonly { name: string; noun: string; located: boolean }[] = [
  { name: 'enterprises', noun: 'enterprise', located: true },
  ...KINDS.map((k) => ({ name: k.name, noun: k.noun, located: k.name !== 'people' })),
  { name: 'assignments', noun: 'assignment', located: false },
]

/** A word of a closed vocabulary; one that is not known stays as it is. */
export function word(prefix: string, key: string | null | undefined): string {
  if (!key) return '—'
  return knows(`registry.${prefix}.${key}`) ? t(`registry.${prefix}.${key}`) : key
}

/** Middle of a record's outline on the map page. */
export function mapOf(geometry: Geometry | null | undefined): RouteLocationRaw | null {
  const page = router.getRoutes().find((r) => r.name === 'map')
  if (!geometry || !page || !useSession().may(page.meta.permission)) return null
  const feature: Feature = { type: 'Feature', geometry, properties: {} }
  const bounds = box(corners({ type: 'FeatureCollection', features: [feature] }))
  if (!bounds) return null
  return { name: 'map', query: { lon: ((bounds[0] + bounds[2]) / 2).toFixed(6), lat: ((bounds[1] + bounds[3]) / 2).toFixed(6) } }
}

/** Square metres that a record states; null where it states none. */
export function areaOf(record: Pick<AnyRecord, 'properties'>): number | null {
  const area = record.properties.area_m2
  return typeof area === 'number' && Number.isFinite(area) ? area : null
}
