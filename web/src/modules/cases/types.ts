import type { components } from '@/api/schema'

type S = components['schemas']
export type CaseRow = S['CaseRow']
export type CaseDetail = S['CaseDetail']
export type CaseCounts = S['CaseCounts']
export type CaseType = S['CaseTypeOut']
export type CaseTypeRow = S['CaseTypeRow']
export type TypeField = S['FieldOut']
export type TypeTransition = S['TransitionOut']
export type Demand = S['DemandOut']
export type Offer = S['OfferOut']
export type CaseClock = S['ClockOut']
export type CaseEvent = S['EventOut']
export type Evidence = S['EvidenceOut']
export type Ledger = S['LedgerOut']
export type Party = S['PartyOut']
export type Diagram = S['DiagramOut']
export type Light = CaseRow['light']

/** What is sent with a transition. */
export interface Act {
  transition: string
  fields: Record<string, unknown>
  evidence_ids: number[]
  comment: string
  occurred_at?: string
  version?: number
  request_id?: string
}
