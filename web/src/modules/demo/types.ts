/** `GET /demo`, as `parksight.demo.schemas`; the routes exist in the demo zone alone. */
export interface Scenario {
  name: string
  title: string
  description: string
  running: boolean
  started_at: number | null
  ends_at: number | null
}
export interface HistoryProgress {
  phase: string
  sent: number
  stored: number
  rejected: number
  total: number
  rows_per_s: number | null
  error: string | null
}
export interface DemoStatus {
  reachable: boolean
  scenarios: Scenario[]
  history: HistoryProgress | null
}
