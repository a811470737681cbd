import type { components } from '@/api/schema'
import type { AlarmOut } from '@/api/alarms'

type S = components['schemas']
export type { AlarmOut }
export type JournalOut = S['JournalOut']
export type Counts = S['Counts']
export type GroupOut = S['GroupOut']
export type GroupDetail = S['GroupDetail']
export type AlarmDetail = S['AlarmDetail']
export type ManyOut = S['ManyOut']
export type ReactionOut = S['ReactionOut']
export type Definition = S['Definition']
export type RuleIn = S['RuleIn']
export type RuleOut = S['RuleOut']
export type RuleVersionOut = S['RuleVersionOut']
export type RuleProposalOut = S['RuleProposalOut']
export type PreviewOut = S['PreviewOut']
export type AlarmSpan = S['AlarmSpan']
export type TuningResult = S['TuningResult']
export type TuningOut = S['TuningOut']
export type Performance = S['Performance']
export type PerformanceFigure = S['PerformanceFigure']
export type LinkageOut = S['LinkageOut']
export type Declaration = S['Declaration']
export type DryRunOut = S['DryRunOut']
export type SuppressionOut = S['SuppressionOut']
export type WindowOut = S['WindowOut']

export type StepKey = 'hh' | 'h' | 'l' | 'll'
export const STEP_KEYS: StepKey[] = ['hh', 'h', 'l', 'll']
export const CAUSES = ['real', 'test', 'sensor', 'communication', 'calibration', 'nuisance', 'drill'] as const
export const SILENCES = ['shelved', 'by_design', 'out_of_service', 'chattering'] as const
export const STEPS = ['HH', 'H', 'L', 'LL', 'STALE', 'ON'] as const
