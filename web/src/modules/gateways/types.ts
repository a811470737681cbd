import type { components } from '@/api/schema'

type S = components['schemas']

export type GatewayOut = S['GatewayOut']
export type ConnectionOut = S['ConnectionOut']
export type DeviceOut = S['DeviceOut']
export type DeviceIn = S['DeviceIn']
export type ActivityOut = S['ActivityOut']
export type MappingOut = S['MappingOut']
export type MappingIn = S['MappingIn']
export type FrameOut = S['FrameOut']
export type FramesOut = S['FramesOut']
export type DiagnosisOut = S['DiagnosisOut']
export type CheckOut = S['CheckOut']
export type UnknownOut = S['UnknownOut']
export type UnknownDetail = S['UnknownDetail']
export type ProposalOut = S['ProposalOut']
export type OnboardOut = S['OnboardOut']
export type ProtocolOut = S['ProtocolOut']
export type Vocabulary = S['Vocabulary']
export type RejectOut = S['RejectOut']
export type Rejects = S['Rejects']
export type SourceCounters = S['SourceCounters']

/** `figures` of `GET /ingest/status`, see `IngestPipeline.figures`. */
export interface DoorFigures {
  running: boolean
  ticks: number
  busy_seconds: number
  last_tick: { rows: number; ms: number }
  notes: Record<string, number>
  back_pressure: { full: boolean; times_full: number; in_flight_rows: number; in_flight_bytes: number; waiting: number }
  throttled_sources?: number[]
  flapping_points?: Record<string, number>
  flapping_links?: Record<string, number>
  dedupe: { window_rows: number; entries: number; bytes: number; rotations: number }
  rejects_log: { kept: number; skipped: number; failed: number; bytes: number; limit_bytes: number }
  failures: Record<string, number>
  last_failure: string | null
  limits: Record<string, number>
}
export type IngestStatus = Omit<S['IngestStatus'], 'figures'> & { figures: DoorFigures }

/** What the live topic `ingest` carries. */
export interface IngestTopic {
  received: number
  stored: number
  rejected: Record<string, number>
  in_flight: number
}

/** A broker the platform is a client of: `GET /gateways/mqtt/connections`. */
export interface BrokerOut {
  id: number
  name: string
  config: { host: string; port: number; protocol?: string; tls?: unknown; topics?: unknown[] } & Record<string, unknown>
  has_password: boolean
  enabled: boolean
  connected: boolean
  last_error: string | null
  counters: Record<string, number>
  rejected: Record<string, number>
}
