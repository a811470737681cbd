import { computed, ref, watch, type ComputedRef, type Ref } from 'vue'
import { api } from '@/api/client'
import { usePoll, type Poll } from '@/lib/usePoll'
import { useTopic } from '@/live/useLive'
import { serverNow } from '@/stores/clock'
import { ratePerSecond, type Look } from './rates'
import { sum } from './state'
import type { IngestStatus, IngestTopic } from './types'

/** Counters of the one door: pushed while the link is up, asked for every few seconds besides. */
export function useDoor(): {
  poll: Poll<IngestStatus>
  counters: ComputedRef<IngestTopic | null>
  rates: Ref<{ received: number | null; stored: number | null; rejected: number | null }>
  at: Ref<number | null>
} {
  const poll = usePoll((signal) => api.get<IngestStatus>('/ingest/status', { sources_limit: 0 }, { signal }), 5000)
  const { data: pushed, count } = useTopic<IngestTopic>('ingest')
  const newest = ref<IngestTopic | null>(null)
  const at = ref<number | null>(null)
  const rates = ref<{ received: number | null; stored: number | null; rejected: number | null }>({
    received: null, stored: null, rejected: null,
  })
  const looks: Look[] = []

  function take(next: IngestTopic): void {
    if (newest.value && next.received < newest.value.received) looks.length = 0
    newest.value = next
    at.value = serverNow()
    const look: Look = {
      ms: at.value,
      counts: { received: next.received, stored: next.stored, rejected: sum(next.rejected) },
    }
    looks.push(look)
    // Ten seconds are long enough to be calm and short enough to be now.
    while (looks.length > 2 && look.ms - looks[1]!.ms > 10_000) looks.shift()
    const older = looks.length > 1 && look.ms - looks[0]!.ms >= 1000 ? looks[0]! : null
    rates.value = {
      received: ratePerSecond(older, look, 'received'),
      stored: ratePerSecond(older, look, 'stored'),
      rejected: ratePerSecond(older, look, 'rejected'),
    }
  }
  watch(poll.data, (status) => status && take(status.counters))
  watch(count, () => pushed.value && take(pushed.value))
  return { poll, counters: computed(() => newest.value), rates, at }
}
