import { ref, type Ref } from 'vue'

export interface Where {
  lon: number
  lat: number
  accuracy_m: number | null
}

/** The device's position when asked for; none is told as such, never guessed. */
export function usePosition(): { ask: () => Promise<Where | null>; trouble: Ref<string> } {
  const trouble = ref('')
  const ask = (): Promise<Where | null> =>
    new Promise((resolve) => {
      if (!('geolocation' in navigator) || !window.isSecureContext) {
        trouble.value = 'cases.position.unavailable'
        resolve(null)
        return
      }
      navigator.geolocation.getCurrentPosition(
        (at) => {
          trouble.value = ''
          resolve({ lon: at.coords.longitude, lat: at.coords.latitude, accuracy_m: at.coords.accuracy ?? null })
        },
        (failure) => {
          trouble.value = failure.code === failure.PERMISSION_DENIED ? 'cases.position.denied' : 'cases.position.unavailable'
          resolve(null)
        },
        { enableHighAccuracy: true, timeout: 8000, maximumAge: 30_000 },
      )
    })
  return { ask, trouble }
}
