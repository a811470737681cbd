import { computed, onScopeDispose, type ComputedRef } from 'vue'
import { api, type Page } from '@/api/client'
import type { components } from '@/api/schema'
import { usePoll, type Poll } from '@/lib/usePoll'
import { link } from '@/live/socket'
import { useLive } from '@/live/useLive'
import { newest } from '@/modules/telemetry/points/liveState'
import { nowMs } from '@/stores/clock'
import { useSession } from '@/stores/session'

type Point = components['schemas']['PointOut']
type Counts = components['schemas']['Counts']
export interface Power {
  /** kW over the meters that answer; null when none does. */
  value: number | null
  observedAt: number | null
  n: number
  of: number
  periodS: number
  ids: number[]
}

/** Sum of the meters whose newest value is usable and not older than three periods. */
export function sumPower(meters: readonly Point[], get: (id: number) => ReturnType<ReturnType<typeof useLive>['get']>, now: number): Power {
  let value = 0
  let n = 0
  let oldest: number | null = null
  for (const meter of meters) {
    const shown = newest(meter, get(meter.id), now)
    if (shown.state !== 'online' || shown.value === null) continue
    value += shown.value
    n += 1
    if (shown.observedAt !== null && (oldest === null || shown.observedAt < oldest)) oldest = shown.observedAt
  }
  return { value: n ? value : null, observedAt: oldest, n, of: meters.length, periodS: Math.max(1, ...meters.map((m) => m.period_s)), ids: meters.map((m) => m.id) }
}

/** Live key figures of an enterprise: active power, points online, open alarms. */
export function useKeyFigures(id: () => number): {
  meters: Poll<Point[]>
  power: ComputedRef<Power | null>
  points: Poll<{ online: number; total: number } | null>
  alarms: Poll<Counts | null>
  read: () => void
} {
  const session = useSession()
  const meters = usePoll(
    async (signal) => (session.may('telemetry.point.read')
      ? (await api.get<Page<Point>>('/points', { enterprise_id: id(), kind: 'energy.active_power', limit: 200 }, { signal })).items : []), 300_000)
  const { get } = useLive(() => (meters.data.value ?? []).map((m) => m.id))
  const power = computed(() => (meters.data.value?.length ? sumPower(meters.data.value, get, nowMs.value) : null))
  const points = usePoll(async (signal) => {
    if (!session.may('telemetry.point.read')) return null
    const ask = (state?: string): Promise<Page<Point>> => api.get<Page<Point>>('/points', { enterprise_id: id(), state, limit: 1 }, { signal })
    const [online, all] = await Promise.all([ask('online'), ask()])
    return { online: online.total, total: all.total }
  }, 15_000)
  const alarms = usePoll(
    async (signal) => (session.may('alarms.alarm.read') ? api.get<Counts>('/alarms/counts', { enterprise_id: id() }, { signal }) : null), 60_000)
  let timer = 0
  onScopeDispose(link.on('alarms', () => {
    globalThis.clearTimeout(timer)
    timer = globalThis.setTimeout(() => void alarms.read(), 800) as unknown as number
  }))
  onScopeDispose(() => globalThis.clearTimeout(timer))
  return { meters, power, points, alarms, read: () => [meters, points, alarms].forEach((p) => void p.read()) }
}
