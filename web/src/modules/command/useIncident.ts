import { computed, ref, watch, type ComputedRef, type Ref } from 'vue'
import { api } from '@/api/client'
import type { AlarmRow, Incident, Overview } from '@/api/overview'
import { useTimeWindow } from '@/stores/timeWindow'

interface Buckets {
  start: number[]
  mean: (number | null)[]
}

/**
 * Which alarm owns the screen: the one somebody chose, else the server's (highest, open, newest).
 * A closed card stays closed until another alarm takes the lead.
 */
export function useIncident(data: Ref<Overview | null>): {
  incident: ComputedRef<Incident | null>
  choose: (alarm: AlarmRow) => void
  close: () => void
} {
  const window = useTimeWindow()
  const chosen = ref<number | null>(null)
  const closed = ref<number | null>(null)
  const trend = ref<{ alarm: number; values: [number, number | null][] } | null>(null)

  const incident = computed<Incident | null>(() => {
    const view = data.value
    if (!view?.alarms) return null
    const own = chosen.value === null ? undefined : view.alarms.items.find((a) => a.id === chosen.value)
    if (own && own.id !== view.incident?.alarm.id) {
      return {
        alarm: own,
        trend: trend.value?.alarm === own.id ? trend.value.values : [],
        trend_width_ms: 60_000,
        steps: [
          { key: 'raised', at: own.raised_at, by: null },
          { key: 'acknowledged', at: null, by: own.acknowledged_by },
          { key: 'cleared', at: own.cleared_at, by: null },
        ].filter((s) => s.key !== 'acknowledged' || !own.acknowledged),
      }
    }
    const lead = view.incident
    return lead && lead.alarm.id !== closed.value ? lead : null
  })

  watch(chosen, async (id) => {
    const alarm = data.value?.alarms?.items.find((a) => a.id === id)
    if (!alarm?.point_id || alarm.id === data.value?.incident?.alarm.id) return
    const to = window.at ?? data.value!.at
    try {
      const got = await api.get<Record<string, Buckets>>('/observations/buckets', {
        points: alarm.point_id, from: to - 3_600_000, to, pixels: 60,
      })
      const one = Object.values(got)[0]
      if (one && chosen.value === alarm.id)
        trend.value = { alarm: alarm.id, values: one.start.map((s, i) => [s, one.mean[i] ?? null]) }
    } catch {
      // The card lives without the curve; the trend page is one click away.
    }
  })

  return {
    incident,
    choose: (alarm) => {
      closed.value = null
      chosen.value = alarm.id
    },
    close: () => {
      closed.value = data.value?.incident?.alarm.id ?? null
      chosen.value = null
    },
  }
}
