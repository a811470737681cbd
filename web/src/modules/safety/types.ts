import type { components } from '@/api/schema'

export type Hazard = components['schemas']['HazardOut']
export type HazardDetail = components['schemas']['HazardDetail']
export type Identification = components['schemas']['IdentificationOut']
export type Summary = components['schemas']['HazardSummary']
