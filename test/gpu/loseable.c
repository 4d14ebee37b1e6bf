// A Vulkan driver in front of another one (LOSEABLE_REAL_DRIVER): while the file LOSEABLE_LOSE_FILE is there, work that is
// submitted fails with VK_ERROR_DEVICE_LOST, as when a graphics driver was reset. Names and values: the Vulkan
// specification and the loader's driver interface.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define VK_ERROR_DEVICE_LOST -4
typedef void (*fn)(void);
typedef fn (*getproc)(void *, const char *);
static getproc real_icd, real_gdpa;
typedef int (*submit)(void *, unsigned, const void *, void *);
static submit real_submit, real_submit2;
static int lost(void) { const char *f = getenv("LOSEABLE_LOSE_FILE"); return f && access(f, F_OK) == 0; }
static int my_submit(void *q, unsigned n, const void *s, void *f) { return lost() ? VK_ERROR_DEVICE_LOST : real_submit(q, n, s, f); }
static int my_submit2(void *q, unsigned n, const void *s, void *f) { return lost() ? VK_ERROR_DEVICE_LOST : real_submit2(q, n, s, f); }
static fn hook(const char *n, fn f) {
  if (f && !strcmp(n, "vkQueueSubmit")) { real_submit = (submit)f; return (fn)my_submit; }
  if (f && (!strcmp(n, "vkQueueSubmit2") || !strcmp(n, "vkQueueSubmit2KHR"))) { real_submit2 = (submit)f; return (fn)my_submit2; }
  return f;
}
static fn my_gdpa(void *d, const char *n) { return hook(n, real_gdpa(d, n)); }
static void *lib(void) { static void *h; if (!h) h = dlopen(getenv("LOSEABLE_REAL_DRIVER"), RTLD_NOW | RTLD_LOCAL); return h; }
fn vk_icdGetInstanceProcAddr(void *i, const char *n) {
  if (!real_icd) real_icd = (getproc)dlsym(lib(), "vk_icdGetInstanceProcAddr");
  fn f = real_icd(i, n);
  if (f && !strcmp(n, "vkGetDeviceProcAddr")) { real_gdpa = (getproc)f; return (fn)my_gdpa; }
  return hook(n, f);
}
int vk_icdNegotiateLoaderICDInterfaceVersion(unsigned *v) {
  int (*f)(unsigned *) = (int (*)(unsigned *))dlsym(lib(), "vk_icdNegotiateLoaderICDInterfaceVersion");
  return f ? f(v) : 0;
}
fn vk_icdGetPhysicalDeviceProcAddr(void *i, const char *n) {
  getproc f = (getproc)dlsym(lib(), "vk_icdGetPhysicalDeviceProcAddr");
  return f ? f(i, n) : 0;
}
