import { onScopeDispose, ref, watch, type Ref } from 'vue'
import { api } from '@/api/client'
import { usePoll, type Poll } from '@/lib/usePoll'
import { link } from '@/live/socket'
import type { Hint, InboxCount, Item, Priority } from './types'

const TOPIC = 'notifications'
/** Between two looks while the live connection is there, and while it is not, ms. */
const CALM = 120_000
const ALONE = 15_000

/** The most urgent priority among the unread; null when everything is read. */
export function mostUrgent(count: InboxCount | null): Priority | null {
  const found = Object.entries(count?.by_priority ?? {}).filter(([, n]) => n > 0).map(([p]) => Number(p))
  return found.length ? (Math.min(...found) as Priority) : null
}

/** Call `heard` on each hint of the live topic while this component is there. */
export function onHint(heard: (hint: Hint) => void): void {
  onScopeDispose(link.on(TOPIC, (data) => heard(data as Hint)))
}

/** The unread count, moved by the live topic; asked for more often while there is no live connection. */
export function useCount(): Poll<InboxCount> & { newest: Ref<Hint | null> } {
  const count = usePoll((signal) => api.get<InboxCount>('/notifications/inbox/count', undefined, { signal }), CALM)
  const newest = ref<Hint | null>(null)
  let timer = 0
  onHint((hint) => {
    if (!hint.read) newest.value = hint
    void count.read()
  })
  const alone = (): void => {
    window.clearInterval(timer)
    if (link.state.value !== 'open') timer = window.setInterval(() => document.hidden || void count.read(), ALONE)
  }
  watch(link.state, (now, before) => {
    alone()
    // What came while the line was down was not said again.
    if (now === 'open' && before !== 'open') void count.read()
  })
  alone()
  onScopeDispose(() => window.clearInterval(timer))
  return { ...count, newest }
}

export const markRead = (ids: number[]): Promise<unknown> => api.post('/notifications/inbox/read', { ids })
/** Everything that was there when `items` were shown, and nothing that came since. */
export const markAllRead = (items: readonly Item[]): Promise<unknown> =>
  api.post('/notifications/inbox/read', { up_to: Math.max(...items.map((i) => i.id)) })
export const markUnread = (id: number): Promise<unknown> => api.post(`/notifications/inbox/${id}/unread`)
