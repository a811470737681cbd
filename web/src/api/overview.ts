/** `GET /api/v1/command/overview`, as `parksight/command/schemas.py` says it. Instants are ms; null is unknown. */
export type Level = 1 | 2 | 3 | 4
export interface Coverage {
  n: number
  of: number
}
export interface Drill {
  page: 'trends' | 'points' | 'enterprises' | 'alarms' | 'gateways' | 'devices' | 'map'
  params: Record<string, string>
}
export interface Figure {
  value: number | null
  unit: string
  observed_at: number | null
  period_s: number | null
  coverage: Coverage | null
  simulated: boolean
  points: number[]
  drill: Drill | null
}
export interface Named {
  id: number
  name: string
  name_en: string
}
export interface Kpi {
  key: string
  figure: Figure
  of: number | null
}
export interface AlarmRow {
  id: number
  level: Level
  state: string
  acknowledged: boolean
  acknowledged_by: string | null
  kind: string
  raised_at: number
  cleared_at: number | null
  point_id: number | null
  point_name: string
  point_name_en: string
  thing: Named | null
  enterprise: Named | null
  value: number | null
  peak: number | null
  limit: number | null
  unit: string
  lon: number | null
  lat: number | null
  simulated: boolean
}
export interface AlarmPanel {
  counts: Record<string, number>
  unacknowledged: number
  total: number
  items: AlarmRow[]
  rate_per_hour: number | null
  rate_hours: number
}
export interface Step {
  key: string
  at: number | null
  by: string | null
}
export interface Incident {
  alarm: AlarmRow
  trend: [number, number | null][]
  trend_width_ms: number
  steps: Step[]
}
export interface TankRow {
  point_id: number
  name: string
  name_en: string
  thing: Named | null
  enterprise: Named | null
  figure: Figure
  low: number | null
  high: number | null
  bottom: number
  top: number
  level: Level | null
  stale: boolean
}
export interface LoadPoint {
  start: number
  value: number | null
  n: number
}
export interface Utility {
  key: string
  figure: Figure
  spark: (number | null)[]
}
export interface EnergyPanel {
  now: Figure
  change: number | null
  change_coverage: Coverage | null
  width_ms: number
  today: LoadPoint[]
  yesterday: LoadPoint[]
  meters: number
  utilities: Utility[]
  ranking: { enterprise: Named; figure: Figure; share: number | null }[]
}
export interface EnvironmentRow {
  point_id: number
  name: string
  name_en: string
  kind: string
  enterprise: Named | null
  thing: Named | null
  figure: Figure
  limit: number | null
  warn: number | null
  scale: number
  level: Level | null
  stale: boolean
  spark: (number | null)[]
}
export interface EnvironmentPanel {
  rows: EnvironmentRow[]
  total: number
  judged: number
  exceeding: number
  unknown: number
}
export interface PointState {
  total: number
  online: number
  suspect: number
  stale: number
  unknown: number
}
export interface StalePoint {
  point_id: number
  code: string
  name: string
  name_en: string
  enterprise: Named | null
  observed_at: number | null
  period_s: number
}
export interface GatewayRow {
  name: string
  running: boolean
  listening: string | null
  connections: number
  rejected: number
}
export interface IngestPanel {
  received: number
  stored: number
  rejected: Record<string, number>
  in_flight: number
  rate: number | null
  gateways: GatewayRow[]
}
export interface WeatherPanel {
  wind_speed: Figure | null
  wind_from: Figure | null
  temperature: Figure | null
  humidity: Figure | null
}
export interface Timeline {
  start: number
  end: number
  width_ms: number
  counts: [number, number, number, number][]
}
export interface Overview {
  server_ms: number
  at: number
  live: boolean
  simulated: boolean
  zone: { name: string; name_en: string; timezone: string; centre: [number, number] }
  kpis: Kpi[]
  points: PointState | null
  stale: StalePoint[]
  alarms: AlarmPanel | null
  incident: Incident | null
  tanks: { rows: TankRow[]; total: number } | null
  energy: EnergyPanel | null
  environment: EnvironmentPanel | null
  ingest: IngestPanel | null
  weather: WeatherPanel | null
  timeline: Timeline | null
}
