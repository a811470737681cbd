import type { RouteLocationRaw } from 'vue-router'
import { router } from '@/router'
import { drillTo } from '@/modules/command/drill'
import { useSession } from '@/stores/session'
import type { AlarmOut } from './types'

const HALF_HOUR = 1_800_000

/** The span that shows an alarm: half an hour before it until its end, at least half an hour after it began. */
export function spanAround(alarm: Pick<AlarmOut, 'raised_at' | 'cleared_at'>, now: number): { from: number; to: number } {
  const end = alarm.cleared_at ?? now
  return { from: alarm.raised_at - HALF_HOUR, to: Math.min(now, Math.max(end, alarm.raised_at) + HALF_HOUR) }
}

/** The point's trend around an alarm. */
export function trendAround(alarm: Pick<AlarmOut, 'raised_at' | 'cleared_at' | 'point'>, now: number): RouteLocationRaw | null {
  if (!alarm.point || !drillTo({ page: 'trends', params: {} })) return null
  const { from, to } = spanAround(alarm, now)
  return { name: 'trends', query: { points: String(alarm.point.id), from: new Date(from).toISOString(), to: new Date(to).toISOString() } }
}

/** Where on the map the alarm is. */
export function mapOf(alarm: Pick<AlarmOut, 'position'>): RouteLocationRaw | null {
  const record = router.getRoutes().find((r) => r.name === 'map')
  if (!alarm.position || !record || !useSession().may(record.meta.permission)) return null
  return { name: 'map', query: { lon: alarm.position[0].toFixed(6), lat: alarm.position[1].toFixed(6) } }
}
