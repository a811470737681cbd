import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue'

/** The pixel size of an element, followed. */
export function useElementSize(element: Ref<HTMLElement | undefined>): Ref<{ width: number; height: number }> {
  const size = ref({ width: window.innerWidth, height: window.innerHeight })
  let observer: ResizeObserver | null = null
  onMounted(() => {
    observer = new ResizeObserver(([entry]) => {
      if (entry) size.value = { width: entry.contentRect.width, height: entry.contentRect.height }
    })
    if (element.value) observer.observe(element.value)
  })
  onBeforeUnmount(() => observer?.disconnect())
  return size
}
