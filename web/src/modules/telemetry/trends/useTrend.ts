import { computed, onScopeDispose, reactive, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { api, Problem, type Page } from '@/api/client'
import { serverNow } from '@/stores/clock'
import { useSession } from '@/stores/session'
import { useTimeWindow } from '@/stores/timeWindow'
import type { Course, PointOut, RuleOut } from '../types'
import { MAX_PENS, pensOf, refreshMs, shiftOf } from './span'

export interface Pen {
  id: number
  /** CSS variable of its ink. */
  ink: string
  point: PointOut | null
  /** Why there is no point: gone, or somebody else's. */
  problem: unknown
  rule: RuleOut | null
  hidden: boolean
}

export interface Trend {
  ids: ComputedRef<number[]>
  pens: ComputedRef<Pen[]>
  course: ShallowRef<Course | null>
  before: ShallowRef<Course | null>
  /** Span of the picture, ms. */
  span: Ref<{ from: number; to: number }>
  shift: ComputedRef<number | null>
  compare: Ref<string>
  busy: Ref<boolean>
  /** Seconds the question has been running. */
  waiting: Ref<number>
  error: Ref<unknown>
  add: (id: number) => void
  remove: (id: number) => void
  toggle: (id: number) => void
  read: () => Promise<void>
  cancel: () => void
}

/** Pens of the address, their records and limits, and their course over the page's window. */
export function useTrend(pixels: () => number): Trend {
  const route = useRoute()
  const router = useRouter()
  const session = useSession()
  const window = useTimeWindow()
  const own = route.name
  const known = reactive(new Map<number, Omit<Pen, 'id' | 'ink'>>())
  const course = shallowRef<Course | null>(null)
  const before = shallowRef<Course | null>(null)
  const span = ref({ from: window.from, to: window.to })
  const busy = ref(false)
  const waiting = ref(0)
  const error = ref<unknown>(null)
  let running: AbortController | null = null
  let timer = 0

  const ids = computed(() => pensOf(route.query.points))
  const shift = computed(() => shiftOf(route.query.compare))
  const say = (query: Record<string, string | undefined>): void => {
    if (route.name === own) void router.replace({ query: { ...route.query, ...query }, hash: route.hash })
  }
  const compare = computed({
    get: () => (shift.value === null ? '' : String(route.query.compare)),
    set: (next: string) => say({ compare: next || undefined }),
  })
  const pens = computed(() =>
    ids.value.map((id, i): Pen => ({
      id, ink: `--pen-${i + 1}`, ...(known.get(id) ?? { point: null, problem: null, rule: null, hidden: false }),
    })),
  )
  const asked = computed(() => ids.value.filter((id) => known.get(id)?.point))

  async function meet(id: number): Promise<void> {
    known.set(id, { point: null, problem: null, rule: null, hidden: false })
    try {
      known.get(id)!.point = await api.get<PointOut>(`/points/${id}`)
    } catch (failure) {
      known.get(id)!.problem = failure
      return
    }
    if (!session.may('alarms.rule.read')) return
    // Limits are an addition; without them the curve stands for itself.
    const rules = await api.get<Page<RuleOut>>('/alarm-rules', { point_id: id, enabled: true }).catch(() => null)
    known.get(id)!.rule = rules?.items[0] ?? null
  }

  async function read(): Promise<void> {
    globalThis.clearTimeout(timer)
    running?.abort()
    running = null
    if (!asked.value.length) {
      course.value = before.value = null
      busy.value = false
      return
    }
    const mine = new AbortController()
    running = mine
    busy.value = true
    waiting.value = 0
    const clock = globalThis.setInterval(() => (waiting.value += 1), 1000)
    const to = Math.round(window.live ? serverNow() : window.to)
    const from = Math.round(window.live ? to - window.span : window.from)
    const query = { points: asked.value.join(), start: from, end: to, pixels: Math.min(4096, Math.max(200, Math.round(pixels()))) }
    const past = shift.value
    try {
      const got = await api.get<Course>('/observations/buckets', query, { signal: mine.signal })
      const old = past
        ? await api.get<Course>(
            '/observations/buckets',
            { ...query, start: Math.max(0, from - past), end: to - past, width_ms: got.width_ms },
            { signal: mine.signal },
          )
        : null
      if (running !== mine) return
      course.value = got
      before.value = old
      span.value = { from, to }
      error.value = null
    } catch (failure) {
      if (running === mine && !(failure instanceof DOMException)) error.value = failure
    } finally {
      globalThis.clearInterval(clock)
      if (running === mine) {
        busy.value = false
        running = null
        if (window.live && !(error.value instanceof Problem && error.value.status === 422))
          timer = globalThis.setTimeout(() => void read(), refreshMs(course.value?.width_ms ?? 0)) as unknown as number
      }
    }
  }
  function cancel(): void {
    running?.abort()
    running = null
    busy.value = false
  }

  watch(ids, (list) => list.forEach((id) => known.has(id) || void meet(id)), { immediate: true })
  const question = computed(() =>
    [asked.value.join(), shift.value, window.live ? `live ${window.span}` : `${window.from} ${window.to}`].join('|'),
  )
  watch(question, () => {
    globalThis.clearTimeout(timer)
    timer = globalThis.setTimeout(() => void read(), 120) as unknown as number
  })
  onScopeDispose(() => {
    globalThis.clearTimeout(timer)
    running?.abort()
    running = null
  })

  const put = (next: number[]): void => say({ points: next.length ? next.join() : undefined })
  return {
    ids, pens, course, before, span, shift, compare, busy, waiting, error, read, cancel,
    add: (id) => {
      if (!ids.value.includes(id) && ids.value.length < MAX_PENS) put([...ids.value, id])
    },
    remove: (id) => put(ids.value.filter((one) => one !== id)),
    toggle: (id) => {
      const pen = known.get(id)
      if (pen) pen.hidden = !pen.hidden
    },
  }
}
