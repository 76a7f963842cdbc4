"""Is THIS image unlike what the model knows? The label-free rule for single images, in numbers and in words."""
