import { computed, ref, watch, type ComputedRef } from 'vue'
import { api, type Page } from '@/api/client'
import { t, named } from '@/i18n'
import { dateTime } from '@/lib/format'
import { useLive } from '@/live/useLive'
import { isStale } from '@/live/table'
import { nowMs } from '@/stores/clock'
import { useSession } from '@/stores/session'
import { useTimeWindow } from '@/stores/timeWindow'

/** A weather point of the zone, as `/points` lists it. */
interface WeatherPoint {
  id: number
  name: string
  name_en: string
  quantity: string
  unit: string
  period_s: number
  priority: number
}

export interface Vital {
  value: number | null
  unit: string
  observedAt: number | null
  stale: boolean
  title: string
}

const points = ref<WeatherPoint[]>([])
let asked = false
/** Values of a past moment, put here by the page that shows the past. */
export const pastWeather = ref<Map<number, { value: number | null; observedAt: number | null }> | null>(null)

async function load(): Promise<void> {
  asked = true
  try {
    const page = await api.get<Page<WeatherPoint>>('/points', { kind: 'weather', limit: 50, sort: '-priority' })
    points.value = page.items
  } catch {
    asked = false
  }
}

/** The zone's own weather: the first live point of each quantity. */
export function useWeather(): {
  wind: ComputedRef<Vital | null>
  from: ComputedRef<Vital | null>
  temperature: ComputedRef<Vital | null>
  points: typeof points
} {
  const session = useSession()
  const window = useTimeWindow()
  watch(
    () => session.may('telemetry.point.read'),
    (yes) => yes && !asked && void load(),
    { immediate: true },
  )
  const pick = (quantity: string): WeatherPoint | undefined => points.value.find((p) => p.quantity === quantity)
  const chosen = computed(() => ({
    wind: pick('speed'),
    from: pick('direction'),
    temperature: pick('temperature'),
  }))
  const { get } = useLive(() =>
    Object.values(chosen.value)
      .filter((p) => p !== undefined)
      .map((p) => p.id),
  )
  const vital = (key: 'wind' | 'from' | 'temperature'): ComputedRef<Vital | null> =>
    computed(() => {
      const point = chosen.value[key]
      if (!point) return null
      const reading = window.live ? get(point.id) : (pastWeather.value?.get(point.id) ?? null)
      const observedAt = reading?.observedAt ?? null
      const now = window.at ?? nowMs.value
      const when = observedAt === null ? t('shell.never') : dateTime(observedAt)
      return {
        value: reading?.value ?? null,
        unit: point.unit,
        observedAt,
        stale: observedAt === null || isStale(observedAt, point.period_s, now),
        title: `${named(point)} · ${when}`,
      }
    })
  return { wind: vital('wind'), from: vital('from'), temperature: vital('temperature'), points }
}
