// SPDX-License-Identifier: GPL-2.0
/* A screen on a cable, as the Pi's vc4 shows it to programs that write to /dev/fbN: blue, green, red, unused, and
 * /sys/class/drm/card0-HDMI-A-1/status beside it. What stands on the glass is read from /dev/fbN too. Parameters:
 * width, height; plugged, which may be changed.
 */
#include <linux/module.h>
#include <linux/fb.h>
#include <linux/vmalloc.h>
#include <linux/device.h>
#include <linux/platform_device.h>

static unsigned int width = 800, height = 480;
static bool plugged = true;
module_param(width, uint, 0444);
module_param(height, uint, 0444);
module_param(plugged, bool, 0644);
static struct platform_device *pdev;
static struct fb_info *info;
static struct class *drm;

static ssize_t b_read(struct fb_info *i, char __user *u, size_t n, loff_t *o)
{ return simple_read_from_buffer(u, n, o, i->screen_buffer, i->fix.smem_len); }
static ssize_t b_write(struct fb_info *i, const char __user *u, size_t n, loff_t *o)
{ return simple_write_to_buffer(i->screen_buffer, i->fix.smem_len, o, u, n); }
static int b_mmap(struct fb_info *i, struct vm_area_struct *v)
{ return remap_vmalloc_range(v, i->screen_buffer, v->vm_pgoff); }
static const struct fb_ops ops = { .owner = THIS_MODULE, .fb_read = b_read, .fb_write = b_write, .fb_mmap = b_mmap };

static ssize_t status_show(struct device *d, struct device_attribute *a, char *b)
{ return sysfs_emit(b, plugged ? "connected\n" : "disconnected\n"); }
static DEVICE_ATTR_RO(status);
static struct attribute *facts_attrs[] = { &dev_attr_status.attr, NULL };
ATTRIBUTE_GROUPS(facts);

static int __init ini(void)
{
	struct device *cable;
	int r;
	pdev = platform_device_register_simple("screen-bench", -1, NULL, 0);
	if (IS_ERR(pdev)) return PTR_ERR(pdev);
	r = -ENOMEM;
	info = framebuffer_alloc(0, &pdev->dev);
	if (!info) goto e1;
	info->fix = (struct fb_fix_screeninfo) { .id = "screen-bench", .type = FB_TYPE_PACKED_PIXELS,
		.visual = FB_VISUAL_TRUECOLOR, .line_length = width * 4, .smem_len = width * height * 4 };
	info->var = (struct fb_var_screeninfo) { .xres = width, .yres = height, .xres_virtual = width,
		.yres_virtual = height, .bits_per_pixel = 32, .blue = { 0, 8 }, .green = { 8, 8 }, .red = { 16, 8 } };
	info->fbops = &ops;
	info->flags = FBINFO_VIRTFB;
	info->screen_buffer = vmalloc_user(info->fix.smem_len);
	if (!info->screen_buffer) goto e2;
	r = register_framebuffer(info);
	if (r) goto e3;
	drm = class_create(THIS_MODULE, "drm");
	if (IS_ERR(drm)) { r = PTR_ERR(drm); goto e4; }
	cable = device_create_with_groups(drm, &pdev->dev, 0, NULL, facts_groups, "card0-HDMI-A-1");
	if (!IS_ERR(cable)) return 0;
	r = PTR_ERR(cable);
	class_destroy(drm);
e4:	unregister_framebuffer(info);
e3:	vfree(info->screen_buffer);
e2:	framebuffer_release(info);
e1:	platform_device_unregister(pdev);
	return r;
}
static void __exit fin(void)
{
	device_destroy(drm, 0); class_destroy(drm);
	unregister_framebuffer(info); vfree(info->screen_buffer); framebuffer_release(info);
	platform_device_unregister(pdev);
}
module_init(ini); module_exit(fin);
MODULE_LICENSE("GPL");
