import { ref, watch, type Ref } from 'vue'
import { api } from '@/api/client'
import { usePoll, type Poll } from '@/lib/usePoll'
import { serverNow } from '@/stores/clock'
import { ratePerSecond, type Look } from './rates'
import type { GatewayOut } from './types'

export interface GatewayRow extends GatewayOut {
  rates: { readings: number | null; messages: number | null }
}

const messagesOf = (g: GatewayOut): number | undefined =>
  g.counters.frames ?? g.counters.messages ?? g.counters.replies ?? g.counters.requests

/** All gateways with rates between two looks. */
export function useGateways(everyMs = 5000): { rows: Ref<GatewayRow[]>; poll: Poll<GatewayOut[]> } {
  const rows = ref<GatewayRow[]>([])
  const looks = new Map<string, Look[]>()
  const poll = usePoll((signal) => api.get<GatewayOut[]>('/gateways', undefined, { signal }), everyMs)
  watch(poll.data, (found) => {
    rows.value = (found ?? []).map((g) => {
      const look: Look = { ms: serverNow(), counts: { readings: g.counters.readings ?? 0 } }
      const messages = messagesOf(g)
      if (messages !== undefined) look.counts.messages = messages
      const kept = looks.get(g.name) ?? []
      kept.push(look)
      while (kept.length > 2 && look.ms - kept[1]!.ms > 20_000) kept.shift()
      looks.set(g.name, kept)
      const older = kept.length > 1 ? kept[0]! : null
      return {
        ...g,
        rates: { readings: ratePerSecond(older, look, 'readings'), messages: ratePerSecond(older, look, 'messages') },
      }
    })
  })
  return { rows, poll }
}
