import type { components } from '@/api/schema'

type S = components['schemas']

export type UserView = S['UserView']
export type AssignmentView = S['AssignmentView']
export type RoleView = S['RoleView']
export type OrganisationView = S['OrganisationView']
export type DepartmentView = S['DepartmentView']
export type PostView = S['PostView']
export type TokenView = S['TokenView']
export type TokenIssued = S['TokenIssued']
export type AuditView = S['AuditView']
export type ChainView = S['ChainView']
export type SettingView = S['SettingView']
export type HealthView = S['HealthView']

/** One role of a person while it is being edited. */
export interface AssignmentDraft {
  role: string
  scope: 'zone' | 'departments' | 'enterprises'
  scope_ids: number[]
}
