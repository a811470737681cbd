import { shallowRef, type ShallowRef } from 'vue'
import { api } from '@/api/client'
import type { components } from '@/api/schema'

export type AlarmLimits = components['schemas']['AlarmLimits']
const limits = shallowRef<AlarmLimits | null>(null)
let asked = false

/** What this site's settings allow, read once per visit; null until the answer is there. */
export function useLimits(): ShallowRef<AlarmLimits | null> {
  if (!asked) {
    asked = true
    api.get<AlarmLimits>('/alarms/limits').then(
      (got) => (limits.value = got),
      () => (asked = false), // the server refuses what is too much; the next page asks again
    )
  }
  return limits
}
