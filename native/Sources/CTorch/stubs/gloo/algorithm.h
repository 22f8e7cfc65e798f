// LibTorch's headers ask for it and use nothing of it.
#pragma once
