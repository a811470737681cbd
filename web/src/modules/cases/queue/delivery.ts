import { Problem } from '@/api/client'
import { explain } from '@/lib/explain'
import type { Photo, Waiting } from './store'

/** Sending what waits, in the order it was done. Server and storage are handed in. */
export interface Outside {
  post: (path: string, body: unknown) => Promise<CaseAnswer>
  keep: (item: Waiting) => Promise<unknown>
  drop: (id: string) => Promise<unknown>
  sent: (caseId: number | null) => void
}
/** What is read of the server's answer to each of the calls. */
export interface CaseAnswer {
  id: number
  version: number
  evidence: readonly { id: number; name: string; size: number | null }[]
}

/** Whether an answer says “not now” instead of “no”. */
export function passing(failure: unknown): boolean {
  return failure instanceof Problem && (failure.status === 0 || failure.status === 401 || failure.status === 429 || failure.status >= 500)
}
/** Whether nothing else would get through either: no network, signed out, asked to wait. */
const closed = (failure: unknown): boolean => failure instanceof Problem && [0, 401, 429].includes(failure.status)

export const troubled = (item: Waiting): boolean => item.state === 'conflict' || item.state === 'refused'

function formOf(photo: Photo, requestId: string): FormData {
  const form = new FormData()
  form.append('file', photo.blob, photo.name)
  form.append('kind', photo.kind === 'photo' ? 'photo' : 'file')
  form.append('request_id', requestId)
  if (photo.takenAt) form.append('taken_at', photo.takenAt)
  if (photo.position) {
    form.append('lon', String(photo.position.lon))
    form.append('lat', String(photo.position.lat))
    if (photo.position.accuracy_m !== null) form.append('accuracy_m', String(photo.position.accuracy_m))
  }
  return form
}

/** The newest evidence that looks like the photo: the answer to a repeated upload may hold others' newer ones. */
function evidenceOf(answer: CaseAnswer, photo: Photo): number {
  const like = answer.evidence.filter((e) => e.name === photo.name && e.size === photo.blob.size)
  return Math.max(...(like.length ? like : answer.evidence).map((e) => e.id))
}

/**
 * One's own steps are no surprise: what was decided on the version just before them is decided on the version after them.
 * Anybody else's change in between leaves a gap, and the server then says conflict.
 */
async function follow(pending: readonly Waiting[], answer: CaseAnswer, outside: Outside): Promise<void> {
  for (const item of pending) {
    if (item.caseId !== answer.id || item.body['version'] !== answer.version - 1) continue
    item.body = { ...item.body, version: answer.version }
    await outside.keep(item)
  }
}

/** Send one; photos first, so that a transition finds the evidence it demands. */
async function sendOne(item: Waiting, pending: readonly Waiting[], outside: Outside): Promise<void> {
  const say = async (path: string, body: unknown): Promise<CaseAnswer> => {
    const answer = await outside.post(path, body)
    await follow(pending, answer, outside)
    return answer
  }
  if (item.kind === 'open') {
    item.caseId = (await say('/cases', { ...item.body, key: item.id })).id
    await outside.keep(item)
  }
  if (item.caseId === null) return
  for (const [at, photo] of item.photos.entries()) {
    if (item.uploaded[at] !== undefined) continue
    const answer = await say(`/cases/${item.caseId}/evidence/upload`, formOf(photo, `${item.id}-${at}`))
    item.uploaded[at] = evidenceOf(answer, photo)
    await outside.keep(item)
  }
  const ids = Object.values(item.uploaded)
  if (item.kind === 'act') {
    const given = (item.body['evidence_ids'] as number[] | undefined) ?? []
    await say(`/cases/${item.caseId}/act`, { ...item.body, evidence_ids: [...given, ...ids], request_id: item.id })
  } else if (item.kind === 'comment') await say(`/cases/${item.caseId}/comments`, { ...item.body, request_id: item.id })
}

/**
 * Send all that can be sent. What follows on the same case was decided on what could not be done, so it waits too; other
 * cases go on unless nothing gets through at all.
 */
export async function deliver(waiting: readonly Waiting[], outside: Outside): Promise<void> {
  const pending: Waiting[] = waiting.map((item) => ({ ...item, uploaded: { ...item.uploaded } }))
  const blocked = new Set<number>()
  for (const item of pending) {
    if (troubled(item) || (item.caseId !== null && blocked.has(item.caseId))) {
      if (item.caseId !== null) blocked.add(item.caseId)
      continue
    }
    item.state = 'sending'
    item.tries += 1
    try {
      await sendOne(item, pending, outside)
    } catch (failure) {
      const conflict = failure instanceof Problem && failure.status === 409
      item.state = passing(failure) ? 'waiting' : conflict ? 'conflict' : 'refused'
      item.why = explain(failure)
      await outside.keep(item)
      if (item.caseId !== null) blocked.add(item.caseId)
      if (closed(failure)) return
      continue
    }
    await outside.drop(item.id)
    outside.sent(item.caseId)
    item.caseId = null // done: no later answer concerns it
  }
}
