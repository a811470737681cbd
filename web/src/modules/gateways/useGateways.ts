import { ref, watch, type Ref } from 'vue'
import { api, type Page } from '@/api/client'
import { usePoll, type Poll } from '@/lib/usePoll'
import { serverNow } from '@/stores/clock'
import { ratePerSecond, type Look } from './rates'
import type { ConnectionOut, GatewayOut } from './types'

/** Connections looked through for the newest frame; a gateway may have more. */
const LOOKED = 1000

export interface GatewayRow extends GatewayOut {
  rates: { readings: number | null; messages: number | null }
  /** Newest frame of its connections; null where the protocol keeps none, or none has spoken. */
  newest: number | null
}

const messagesOf = (g: GatewayOut): number | undefined =>
  g.counters.frames ?? g.counters.messages ?? g.counters.replies ?? g.counters.requests

/** All gateways with rates between two looks. */
export function useGateways(everyMs = 5000): { rows: Ref<GatewayRow[]>; poll: Poll<GatewayOut[]> } {
  const rows = ref<GatewayRow[]>([])
  const newest = new Map<string, number | null>()
  const looks = new Map<string, Look[]>()
  const poll = usePoll(async (signal) => {
    const found = await api.get<GatewayOut[]>('/gateways', undefined, { signal })
    await Promise.all(
      found
        // MQTT answers here with its brokers, which say nothing of single frames.
        .filter((g) => g.connections > 0 && g.name !== 'mqtt')
        .map(async (g) => {
          const path = `/gateways/${encodeURIComponent(g.name)}/connections`
          const got = await api.get<Page<ConnectionOut>>(path, { limit: LOOKED }, { signal })
          const times = got.items.map((c) => c.last_frame_at ?? 0)
          newest.set(g.name, Math.max(0, ...times) || null)
        }),
    )
    return found
  }, everyMs)
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
        newest: newest.get(g.name) ?? null,
      }
    })
  })
  return { rows, poll }
}
