import type { AlarmOut } from '@/api/alarms'
import type { Level } from '@/api/overview'

export type { AlarmOut }

export interface JournalOut {
  id: number
  alarm_id: number
  point: AlarmOut['point']
  enterprise_id: number | null
  what: 'raised' | 'cleared' | 'unknown' | 'known' | 'withdrawn' | 'acknowledged'
  step: AlarmOut['step']
  priority: Level
  observed_at: number
  recorded_at: number
  value: number | null
  by_name: string | null
  comment: string | null
}

export interface StepDef {
  limit: number
  deadband: number
  on_delay_s: number
  off_delay_s: number
  priority: Level
}
export type StepKey = 'hh' | 'h' | 'l' | 'll'
export const STEP_KEYS: StepKey[] = ['hh', 'h', 'l', 'll']
export interface Definition {
  hh: StepDef | null
  h: StepDef | null
  l: StepDef | null
  ll: StepDef | null
  stale: { factor: number | null; after_s: number | null; priority: Level } | null
}
export interface RuleOut {
  id: number
  code: string
  name: string
  point: AlarmOut['point']
  enterprise_id: number | null
  definition: Definition
  basis: string
  enabled: boolean
  version: number
  updated_at: string
}
export interface RuleVersionOut {
  version: number
  definition: Definition
  basis: string
  enabled: boolean
  at: string
  by_name: string
}
export interface Counts {
  priorities: { priority: Level; active: number; unknown: number; unacknowledged: number; open: number }[]
  open: number
  unacknowledged: number
  raised_10_min: number
  rate_per_hour: number
  server_ms: number
}
