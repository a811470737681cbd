import { computed, shallowRef, toRaw, type ComputedRef, type ShallowRef } from 'vue'
import { api, Problem } from '@/api/client'
import { explain } from '@/lib/explain'
import { serverNow } from '@/stores/clock'
import { useSession } from '@/stores/session'
import type { CaseDetail } from '../types'
import { drop, keep, kept, type Photo, type Waiting } from './store'

const items: ShallowRef<Waiting[]> = shallowRef([])
const sending = shallowRef(false)
let loadedFor: number | null = null
let timer = 0
const listeners = new Set<(caseId: number | null) => void>()

export function requestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return `q-${[...bytes].map((b) => b.toString(16).padStart(2, '0')).join('')}`
}

async function reload(userId: number): Promise<void> {
  items.value = await kept(userId)
}

/** Whether an answer says “not now” instead of “no”. */
export function passing(failure: unknown): boolean {
  return failure instanceof Problem && (failure.status === 0 || failure.status === 401 || failure.status === 429 || failure.status >= 500)
}

async function upload(caseId: number, photo: Photo): Promise<number> {
  const form = new FormData()
  form.append('file', photo.blob, photo.name)
  form.append('kind', photo.kind === 'photo' ? 'photo' : 'file')
  if (photo.takenAt) form.append('taken_at', photo.takenAt)
  if (photo.position) {
    form.append('lon', String(photo.position.lon))
    form.append('lat', String(photo.position.lat))
    if (photo.position.accuracy_m !== null) form.append('accuracy_m', String(photo.position.accuracy_m))
  }
  const made = await api.post<CaseDetail>(`/cases/${caseId}/evidence/upload`, form)
  return Math.max(...made.evidence.map((e) => e.id))
}

/** Send one; photos first, so that a transition finds the evidence it demands. */
async function sendOne(item: Waiting): Promise<number | null> {
  let caseId = item.caseId
  if (item.kind === 'open') {
    const made = await api.post<CaseDetail>('/cases', { ...item.body, key: item.id })
    caseId = made.id
    item.caseId = made.id
    await keep(item)
  }
  if (caseId === null) return null
  const ids: number[] = []
  for (const [at, photo] of item.photos.entries()) {
    const have = item.uploaded[at]
    const id = have ?? (await upload(caseId, photo))
    item.uploaded[at] = id
    ids.push(id)
    if (have === undefined) await keep(item)
  }
  if (item.kind === 'act') {
    const body = item.body as { evidence_ids?: number[] }
    await api.post(`/cases/${caseId}/act`, { ...body, evidence_ids: [...(body.evidence_ids ?? []), ...ids], request_id: item.id })
  } else if (item.kind === 'comment') {
    await api.post(`/cases/${caseId}/comments`, { ...item.body, request_id: item.id })
  }
  return caseId
}

async function flush(): Promise<void> {
  const session = useSession()
  const me = session.me?.user.id
  if (sending.value || me === undefined || !navigator.onLine) return
  sending.value = true
  try {
    await reload(me)
    const blocked = new Set<number | null>()
    for (const item of items.value) {
      if (item.state === 'conflict' || item.state === 'refused' || (item.caseId !== null && blocked.has(item.caseId))) {
        // What follows on the same case was decided on what could not be done: it waits too.
        if (item.caseId !== null) blocked.add(item.caseId)
        continue
      }
      const mine: Waiting = { ...toRaw(item), state: 'sending', tries: item.tries + 1 }
      try {
        const caseId = await sendOne(mine)
        await drop(mine.id)
        for (const tell of listeners) tell(caseId)
      } catch (failure) {
        if (passing(failure)) {
          await keep({ ...mine, state: 'waiting', why: explain(failure) })
          break
        }
        const state = failure instanceof Problem && failure.status === 409 ? 'conflict' : 'refused'
        await keep({ ...mine, state, why: explain(failure) })
        if (mine.caseId !== null) blocked.add(mine.caseId)
      }
      await reload(me)
    }
    await reload(me)
  } finally {
    sending.value = false
  }
}

function start(me: number): void {
  if (loadedFor === me) return
  loadedFor = me
  void reload(me).then(flush)
  window.addEventListener('online', () => void flush())
  window.clearInterval(timer)
  timer = window.setInterval(() => items.value.some((i) => i.state === 'waiting') && void flush(), 15_000)
}

export interface Queue {
  items: ShallowRef<Waiting[]>
  sending: ShallowRef<boolean>
  open: ComputedRef<number>
  troubled: ComputedRef<Waiting[]>
  add: (what: Pick<Waiting, 'kind' | 'caseId' | 'title' | 'body' | 'photos'>) => Promise<Waiting>
  flush: () => Promise<void>
  discard: (id: string) => Promise<void>
  /** Send it once more, decided anew on the case as it is now. */
  again: (item: Waiting, version: number | null) => Promise<void>
  onSent: (tell: (caseId: number | null) => void) => () => void
}

/** The person's own waiting work; sends itself whenever the network is there. */
export function useQueue(): Queue {
  const session = useSession()
  if (session.me) start(session.me.user.id)
  return {
    items,
    sending,
    open: computed(() => items.value.length),
    troubled: computed(() => items.value.filter((i) => i.state === 'conflict' || i.state === 'refused')),
    add: async (what) => {
      const me = session.me!.user.id
      const item: Waiting = {
        ...what, id: requestId(), userId: me, uploaded: {}, doneAt: new Date(serverNow()).toISOString(), state: 'waiting', why: '', tries: 0,
      }
      await keep(item)
      await reload(me)
      await flush()
      return items.value.find((i) => i.id === item.id) ?? item
    },
    flush,
    discard: async (id) => {
      await drop(id)
      if (session.me) await reload(session.me.user.id)
      await flush()
    },
    again: async (item, version) => {
      const body = version === null ? item.body : { ...item.body, version }
      await keep({ ...toRaw(item), body, state: 'waiting', why: '' })
      await flush()
    },
    onSent: (tell) => {
      listeners.add(tell)
      return () => listeners.delete(tell)
    },
  }
}
