import { computed, shallowRef, toRaw, type ComputedRef, type ShallowRef } from 'vue'
import { api } from '@/api/client'
import { serverNow } from '@/stores/clock'
import { useSession } from '@/stores/session'
import type { CaseDetail } from '../types'
import { deliver, troubled } from './delivery'
import { drop, keep, kept, type Waiting } from './store'

const items: ShallowRef<Waiting[]> = shallowRef([])
const sending = shallowRef(false)
let loadedFor: number | null = null
let timer = 0
const listeners = new Set<(caseId: number | null) => void>()
window.addEventListener('online', () => void flush())

export function requestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return `q-${[...bytes].map((b) => b.toString(16).padStart(2, '0')).join('')}`
}

/** A copy the browser's storage takes: nothing reactive in it, files as they are. */
function plain(what: New): New {
  const photos = toRaw(what.photos).map((p) => ({ ...toRaw(p), position: p.position ? { ...toRaw(p.position) } : null }))
  return { ...what, body: JSON.parse(JSON.stringify(what.body)) as Record<string, unknown>, photos }
}

async function reload(userId: number): Promise<void> {
  items.value = await kept(userId)
}

/** One after the other: here, and where the browser offers locks also between its windows. */
let last: Promise<void> = Promise.resolve()
const guarded = async (): Promise<void> => void (await ('locks' in navigator ? navigator.locks.request('parksight-work', pass) : pass()))
function flush(): Promise<void> {
  last = last.then(guarded).catch(() => undefined)
  return last
}

async function pass(): Promise<void> {
  const me = useSession().me?.user.id
  if (me === undefined || !navigator.onLine) return
  sending.value = true
  try {
    await reload(me)
    await deliver(items.value.map(toRaw), {
      post: (path, body) => api.post<CaseDetail>(path, body),
      keep: (item) => keep(item).then(() => reload(me)),
      drop: (id) => drop(id).then(() => reload(me)),
      sent: (caseId) => listeners.forEach((tell) => tell(caseId)),
    })
  } finally {
    sending.value = false
  }
}

function start(me: number): void {
  if (loadedFor === me) return
  loadedFor = me
  void reload(me).then(flush)
  window.clearInterval(timer)
  timer = window.setInterval(() => items.value.some((i) => !troubled(i)) && void flush(), 15_000)
}

type New = Pick<Waiting, 'kind' | 'caseId' | 'title' | 'body' | 'photos'>
export interface Queue {
  items: ShallowRef<Waiting[]>
  sending: ShallowRef<boolean>
  open: ComputedRef<number>
  troubled: ComputedRef<Waiting[]>
  add: (what: New) => Promise<Waiting>
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
    troubled: computed(() => items.value.filter(troubled)),
    add: async (what) => {
      const me = session.me!.user.id
      const item: Waiting = {
        ...plain(what), id: requestId(), userId: me, uploaded: {}, doneAt: new Date(serverNow()).toISOString(), state: 'waiting', why: '', tries: 0,
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
