from collections.abc import Callable

load: Callable[..., object]
loads: Callable[..., object]
dump: Callable[..., object]
dumps: Callable[..., object]
