import type { components } from '@/api/schema'

type Schemas = components['schemas']

export type Course = Schemas['Course']
export type Series = Schemas['Series']
export type PointOut = Schemas['PointOut']
export type PointPatch = Schemas['PointPatch']
export type Vocabulary = Schemas['Vocabulary']
export type FindingOut = Schemas['FindingOut']
export type ImportReport = Schemas['parksight__telemetry__points__schemas__ImportReport']
export type RuleOut = Schemas['RuleOut']
